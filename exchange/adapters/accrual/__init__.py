"""A partner that takes accrual files over SFTP, and leaves files that say what became of each record."""
