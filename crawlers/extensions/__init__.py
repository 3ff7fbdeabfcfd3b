"""Scrapy extensions: progress of a crawl."""
