"""The crawl: a Scrapy project, and the embedded web that it crawls by default."""
