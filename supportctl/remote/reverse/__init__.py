"""The reverse way: the customer dials out to the company's bastion, the supporter comes in through it."""
