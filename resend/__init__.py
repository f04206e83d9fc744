"""The wing that brings lost calls to the CRM: ledger, policy, lanes, and the engines that drain them."""
