"""Stage 3: groups customers into segments that keep their names and carry an offer.

Not built yet: the clustering engine, the four chart endpoints and the offers arrive with their own issue.
"""
