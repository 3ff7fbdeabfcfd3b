"""Downloader middlewares: the browser, the embedded web, patience with busy servers."""
