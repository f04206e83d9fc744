"""amoCRM (Kommo): calls are notes on contacts, companies and leads."""
