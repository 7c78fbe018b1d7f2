"""What is owed: tokens, accounts, transactions, lots; posting, reversing, expiring, proving."""
