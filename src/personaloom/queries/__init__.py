"""Seed queries: reading them from any common file, dealing them to personas, saying them in a persona's voice."""

from personaloom.queries.dealing import Deal, Dealer
from personaloom.queries.generator import Chat, StyleMode, UserQueryGenerator
from personaloom.queries.queryset import QuerySet, shipped_queries

__all__ = ["Chat", "Deal", "Dealer", "QuerySet", "StyleMode", "UserQueryGenerator", "shipped_queries"]
