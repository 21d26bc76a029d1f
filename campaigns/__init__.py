"""Stage 4: writes to those worth writing to, and proves that it kept them.

Not built yet: composing, sending and measuring arrive with their own issue.
"""
