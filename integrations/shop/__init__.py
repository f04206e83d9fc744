"""Shop systems: stock, documents, points of sale."""
