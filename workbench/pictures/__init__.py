"""What can be exported: charts and tables as values, their texts (CSV, Markdown), and their drawing by matplotlib."""
