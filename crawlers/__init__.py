"""The Scrapy project that crawls images and names."""
