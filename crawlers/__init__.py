"""The crawl: a Scrapy project, and the demo web that it crawls by default."""
