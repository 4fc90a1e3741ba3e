"""What the documentation's site has beyond its pages: tables, references and links that are made when it is built."""
