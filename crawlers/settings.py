"""Scrapy's settings for a polite crawl of any web. What `params.yaml` says is added by `crawlers.run`."""

from scrapy.settings import default_settings

BOT_NAME = "herodex"
SPIDER_MODULES = ["crawlers.spiders"]

ROBOTSTXT_OBEY = True
COOKIES_ENABLED = False
# No host is told where its address was found.
REFERER_ENABLED = False

CONCURRENT_REQUESTS = 16
# So many images wait for their turn, which bounds the memory; those that are tried again are not counted.
IMAGES_AT_A_TIME = 256
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_MAX_DELAY = 30.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 1.0

RETRY_HTTP_CODES = [408, 429, 500, 502, 503, 504, 522, 524]
RETRY_EXCEPTIONS = [*default_settings.RETRY_EXCEPTIONS, "crawlers.middlewares.browser.BrowserError"]
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"
# An image that failed is tried again soon, and not after all others.
RETRY_PRIORITY_ADJUST = 1
RETRY_AFTER_MAX_S = 120

# Pages and robots.txt are asked for once in a crawl, however often it is interrupted.
HTTPCACHE_ENABLED = True
HTTPCACHE_STORAGE = "crawlers.http_cache.JournalCacheStorage"
HTTPCACHE_IGNORE_HTTP_CODES = RETRY_HTTP_CODES

# Images gain nothing from compression, and a body that unpacks to more than its size cannot surprise us.
COMPRESSION_ENABLED = False
# A page may name any address: none but those of the web are followed, least of all files of this machine.
DOWNLOAD_HANDLERS = {"data": None, "file": None, "ftp": None, "s3": None}
TWISTED_DNS_RESOLVER = "scrapy.resolver.CachingThreadedResolver"

# What a spider does not need, it leaves unset, and is off: the browser without SELENIUM_DRIVER_NAME, the
# demo web without DEMO_WEB_PROXY, the budget without a journal.
DOWNLOADER_MIDDLEWARES = {
    "crawlers.middlewares.demo_web.DemoWebMiddleware": 10,
    "crawlers.middlewares.public_web.PublicWebMiddleware": 20,
    "crawlers.middlewares.budget.BudgetMiddleware": 30,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawlers.middlewares.robots.StrictRobotsMiddleware": 100,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "crawlers.middlewares.retry_after.RetryAfterMiddleware": 550,
    # Beyond the cache:
    "crawlers.middlewares.browser.BrowserMiddleware": 950,
    "crawlers.middlewares.maxlag.MaxlagMiddleware": 960,
}
EXTENSIONS = {"crawlers.extensions.progress.CrawlProgress": 0}

# The stages report through the root logger that herodex.command sets up, and Scrapy only what went wrong.
LOG_INSTALL_ROOT_HANDLER = False
LOG_LEVEL = "ERROR"
LOG_FORMATTER = "crawlers.log_formatter.FailuresToSpider"
STATS_DUMP = False
LOGSTATS_INTERVAL = 0
MEMUSAGE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False
