"""MoySklad: warehouses and documents, and what is wrong with them."""
