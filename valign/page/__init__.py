"""The web page: one HTML file that runs the model itself (docs/page.md)."""
