"""Scrapy's settings for a polite crawl of any web. What `params.yaml` says is added by `crawlers.run`."""

from scrapy.settings import default_settings

BOT_NAME = "herodex"
SPIDER_MODULES = ["crawlers.spiders"]

ROBOTSTXT_OBEY = True
COOKIES_ENABLED = False

# Downloads start as soon as they are known; what holds them back is the limit and the delay of each host.
CONCURRENT_REQUESTS = 0
CONCURRENT_REQUESTS_PER_DOMAIN = 4
# Few items at a time keep an interrupted crawl from finishing a whole result page first.
CONCURRENT_ITEMS = 32
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_MAX_DELAY = 30.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 1.0

RETRY_HTTP_CODES = [408, 429, 500, 502, 503, 504, 522, 524]
RETRY_EXCEPTIONS = [*default_settings.RETRY_EXCEPTIONS, "crawlers.middlewares.browser.BrowserError"]
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"
RETRY_AFTER_MAX_S = 60

# Pictures gain nothing from compression, and a body that unpacks to more than its size cannot surprise us.
COMPRESSION_ENABLED = False
# A page may name any address: none but those of the web are followed, least of all files of this machine.
DOWNLOAD_HANDLERS = {"data": None, "file": None, "ftp": None, "s3": None}
MEDIA_ALLOW_REDIRECTS = True

# What a spider does not need, it leaves unset, and is off: the browser without SELENIUM_DRIVER_NAME, the
# pictures without FILES_STORE, the embedded web without EMBEDDED_WEB_PROXY.
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawlers.middlewares.robots.StrictRobotsMiddleware": 100,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "crawlers.middlewares.retry_after.RetryAfterMiddleware": 550,
    "crawlers.middlewares.embedded_web.EmbeddedWebMiddleware": 740,  # before Scrapy's own proxy middleware
    "crawlers.middlewares.browser.BrowserMiddleware": 800,
}
ITEM_PIPELINES = {"crawlers.pipelines.pictures.PicturesPipeline": 300}
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
