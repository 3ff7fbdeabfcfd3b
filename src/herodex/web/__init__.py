"""The service's page: HTML, styles and scripts."""
