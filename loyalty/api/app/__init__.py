"""The App API: a brand's mobile or web app, and its back end."""
