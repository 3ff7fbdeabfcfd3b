"""Scrapy extensions: the progress of a crawl."""
