"""What the App API answers."""
