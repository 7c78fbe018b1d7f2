"""Operations of the exchange app."""
