"""What one scanned string says about the scanner's settings. Pure: text in, a diagnosis out."""
