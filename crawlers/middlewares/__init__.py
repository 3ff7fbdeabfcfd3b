"""Downloader middlewares: browser, demo web, public web only, budget, robots.txt and retries."""
