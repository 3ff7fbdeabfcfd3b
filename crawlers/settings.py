"""Scrapy's settings for a polite crawl. `crawlers.run` adds those of `params.yaml`."""

from scrapy.settings import default_settings

BOT_NAME = "herodex"
SPIDER_MODULES = ["crawlers.spiders"]

ROBOTSTXT_OBEY = True
COOKIES_ENABLED = False
# No host learns which page its URL was found on.
REFERER_ENABLED = False

CONCURRENT_REQUESTS = 16
# The limit of images in Scrapy's queue bounds the memory; retried images are not counted.
IMAGES_AT_A_TIME = 256
# Scrapy would vary each delay by half; `crawl.delay_s` is a minimum.
DOWNLOAD_DELAY_JITTER = 0
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_MAX_DELAY = 30.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 1.0

RETRY_HTTP_CODES = [408, 429, 500, 502, 503, 504, 522, 524]
RETRY_EXCEPTIONS = [*default_settings.RETRY_EXCEPTIONS, "crawlers.middlewares.browser.BrowserError"]
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"
# A failed image is retried soon, not after all others.
RETRY_PRIORITY_ADJUST = 1
RETRY_AFTER_MAX_S = 120

# Pages and robots.txt are requested once per crawl, however often it is interrupted.
HTTPCACHE_ENABLED = True
HTTPCACHE_STORAGE = "crawlers.http_cache.JournalCacheStorage"
HTTPCACHE_IGNORE_HTTP_CODES = RETRY_HTTP_CODES

# Images gain nothing from compression, and without it a body cannot unpack to more than its size.
COMPRESSION_ENABLED = False
# A page may link to any URL: only http and https are followed, never files of this machine.
DOWNLOAD_HANDLERS = {"data": None, "file": None, "ftp": None, "s3": None}
TWISTED_DNS_RESOLVER = "scrapy.resolver.CachingThreadedResolver"

# A middleware is off without its setting: the browser without SELENIUM_DRIVER_NAME, the demo web without
# DEMO_WEB_PROXY, the budget without a journal, the silent hosts without a spider that counts them, the shard
# and the list of withdrawn sources without a spider that has one.
DOWNLOADER_MIDDLEWARES = {
    "crawlers.middlewares.web_address.WebAddressMiddleware": 5,
    "crawlers.middlewares.forgotten.ForgottenMiddleware": 6,
    "crawlers.middlewares.shards.ShardMiddleware": 8,
    "crawlers.middlewares.demo_web.DemoWebMiddleware": 10,
    "crawlers.middlewares.public_web.PublicWebMiddleware": 20,
    "crawlers.middlewares.budget.BudgetMiddleware": 30,
    "crawlers.middlewares.silent_hosts.SilentHostsMiddleware": 40,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawlers.middlewares.robots.StrictRobotsMiddleware": 100,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "crawlers.middlewares.retry_after.RetryAfterMiddleware": 550,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "crawlers.middlewares.web_address.CheckedMetaRefreshMiddleware": 580,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "crawlers.middlewares.web_address.CheckedRedirectMiddleware": 600,
    # Not cached:
    "crawlers.middlewares.browser.BrowserMiddleware": 950,
    "crawlers.middlewares.maxlag.MaxlagMiddleware": 960,
}
EXTENSIONS = {"crawlers.extensions.progress.CrawlProgress": 0}

# The stages log through the root logger of herodex.command; Scrapy logs errors only.
LOG_INSTALL_ROOT_HANDLER = False
LOG_LEVEL = "ERROR"
LOG_FORMATTER = "crawlers.log_formatter.FailuresToSpider"
STATS_DUMP = False
LOGSTATS_INTERVAL = 0
MEMUSAGE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False
