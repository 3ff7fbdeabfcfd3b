"""The image sources by their names in `params.yaml`."""

from crawlers.spiders.bing import BingSpider
from crawlers.spiders.commons import CommonsSpider
from crawlers.spiders.demo_search import DemoSearchSpider
from crawlers.spiders.openverse import OpenverseSpider
from crawlers.spiders.search import SearchSpider

IMAGE_SOURCES: dict[str, type[SearchSpider]] = {
    spider.name: spider for spider in (DemoSearchSpider, OpenverseSpider, CommonsSpider, BingSpider)
}
