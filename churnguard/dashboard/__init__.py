"""The product's front pages: the dashboard, the list of customers by risk, one customer. No tables, no writes."""
