#!/usr/bin/env python3
"""A subscriber at the portal, in a browser that nobody here wrote: Chromium, driven by its own driver (WebDriver).

usage: browser_peer.py MPSS [--screenshots FOLDER]

MPSS is the built program. Its demo nation is started; then, without any script of the page's (the browser runs none),
at 240, 390 and 1440 pixels and in both languages, a subscriber signs in, looks at the goods, buys, finds the text on
the handset and the entry in the statement, freezes the account, is refused, and thaws it; a reviewer and an SP do their
part at their desks. Nothing may be wider than the screen, no page may load anything of another origin, and what is
written has to be there to be read. Screenshots are kept with --screenshots. The driver's client is installed into a
virtual environment of its own; nothing is left behind.

Exit codes: 0 all as it must be, 1 something is not, 2 the command line can not be used.
"""

import argparse
import base64
import contextlib
import itertools
import json
import os
import shutil
import sys
import urllib.request

# The tree stays as it was.
sys.dont_write_bytecode = True

from openapi_peer import Nation
from play import Report, Wrong, expect, play, until

LIBRARIES = {"selenium": "selenium==4.51.0"}
PASSWORD = "739164"
HERE, AWAY = "44", "51"
# An upper bound for what takes no time but the machine's own, in s.
SOON = 60
# And for a page to be loaded, in s.
PATIENCE = 5
SCREENS = [(240, 320, "zh"), (390, 844, "zh"), (1440, 900, "en")]


class Browser:
    """Chromium without scripts, its window as wide as a phone or a desk."""

    def __init__(self, folder, width, height, language, shots):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        self.width, self.shots, self.language, self.number = width, shots, language, itertools.count(1)
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        profile = os.path.join(folder, f"profile-{width}-{language}-{os.urandom(4).hex()}")
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={profile}"):
            options.add_argument(argument)
        # Pages work without scripts, as they did on the phones of WAP.
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(SOON)
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self.driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": language}})
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.origins = set()

    def end(self):
        self.driver.quit()

    def open(self, url):
        self.driver.get(url)
        self.look()

    def look(self):
        """What holds for every page: nothing wider than the screen, nothing that the browser complains of."""
        metrics = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})
        wide = metrics["cssContentSize"]["width"]
        if wide > self.width:
            raise Wrong(f"{self.driver.current_url} is {wide} wide on a screen of {self.width}")
        for entry in self.driver.get_log("browser"):
            # A refusal is a page with its own status, and the browser notes that.
            if "Failed to load resource: the server responded with a status of 4" not in entry["message"]:
                raise Wrong(f"{self.driver.current_url}: {entry['message']}")
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if url.startswith("http"):
                    self.origins.add("/".join(url.split("/")[:3]))

    def shot(self, name):
        """The whole page as an image."""
        if self.shots:
            path = os.path.join(self.shots, f"{self.width}-{next(self.number):02}-{name}.png")
            size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": self.width, "height": size["height"], "scale": 1}
            shown = {"captureBeyondViewport": True, "clip": clip}
            image = self.driver.execute_cdp_cmd("Page.captureScreenshot", shown)["data"]
            with open(path, "wb") as file:
                file.write(base64.b64decode(image))

    def find(self, selector):
        from selenium.webdriver.common.by import By

        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        """The first of these, on a page that may just be loading."""
        with contextlib.suppress(Wrong):
            return until(selector, PATIENCE, lambda: self.find(selector))[0]
        raise Wrong(f"{self.driver.current_url} has no {selector}:\n{self.text()[:1500]}")

    def steadily(self, read):
        """What is read of a page, although an open order's page loads itself again meanwhile."""
        from selenium.common.exceptions import StaleElementReferenceException

        for _ in range(10):
            with contextlib.suppress(StaleElementReferenceException):
                return read()
        raise Wrong(f"{self.driver.current_url} does not stand still")

    def text(self):
        return self.steadily(lambda: self.one("body").text)

    def attribute(self, selector, name):
        return self.steadily(lambda: self.one(selector).get_attribute(name))

    def fill(self, form, **fields):
        for name, value in fields.items():
            field = self.one(f"{form} [name={name}]")
            field.clear()
            field.send_keys(value)

    def choose(self, selector, value):
        from selenium.webdriver.support.select import Select

        Select(self.one(selector)).select_by_value(value)

    def press(self, selector):
        self.one(selector).click()
        self.look()

    def follow(self, words):
        from selenium.webdriver.common.by import By

        links = self.driver.find_elements(By.PARTIAL_LINK_TEXT, words)
        if not links:
            raise Wrong(f"{self.driver.current_url} has no link {words}:\n{self.text()[:1500]}")
        links[0].click()
        self.look()

    def says(self, words):
        with contextlib.suppress(Wrong):
            return until(words, PATIENCE, lambda: words in self.text())
        raise Wrong(f"{self.driver.current_url} does not say {words!r}:\n{self.text()[:1500]}")


class Story:
    """What people do at the portals of one province."""

    def __init__(self, nation, folder, shots):
        self.nation, self.folder, self.shots = nation, folder, shots
        self.portal = nation.urls["portals"][HERE][0]
        self.sms = nation.urls["simulators"]["sms"]
        self.numbers = iter(nation.number_of(HERE, 20))
        self.sp = nation.must(
            "POST",
            "/v1/sps",
            {"name": "珠江彩票", "notice_url": f"{nation.urls['simulators']['sp']}/sps/browser/notices"},
        )["sp_id"]
        self.goods = self.product("双色球 <b>", "lottery", "local")
        self.roaming = self.product("羊城一日游", "ticketing", "roaming")

    def product(self, title, application, scope):
        body = {"sp_id": self.sp, "title": title, "application": application, "scope": scope, "price": "2.00"}
        product = self.nation.must("POST", "/v1/products", body | {"uploaded_by": "alice"})["product_id"]
        self.nation.must("POST", f"/v1/products/{product}/review", {"decision": "approve", "reviewed_by": "bob"})
        self.nation.must("POST", f"/v1/products/{product}/publish", {})
        return product

    def subscriber(self, msisdn, language):
        body = {"msisdn": msisdn, "kind": "virtual", "payment_password": PASSWORD, "language": language}
        account = self.nation.must("POST", "/v1/accounts", body)["account_id"]
        topped = {"method": "cash", "amount": "100.00", "agent_id": "agent-1"}
        self.nation.must("POST", f"/v1/accounts/{account}/top-ups", topped)
        return account

    def browser(self, ending, width, height, language):
        browser = Browser(self.folder, width, height, language, self.shots)
        ending.callback(browser.end)
        return browser

    def sign_in(self, browser, msisdn):
        browser.open(f"{self.portal}/sign-in")
        browser.fill("form[action='/sign-in']", msisdn=msisdn, payment_password=PASSWORD)
        browser.press("form[action='/sign-in'] button")
        browser.says(msisdn)

    def buy(self, browser, product, **fields):
        browser.open(f"{self.portal}/goods/{product}")
        form = f"form[action='/goods/{product}/buy']"
        browser.fill(form, payment_password=PASSWORD, **fields)
        browser.press(f"{form} button")

    def texts(self, msisdn):
        with urllib.request.urlopen(f"{self.sms}/simulator/sms/{msisdn}", timeout=30) as answer:
            return [text["text"] for text in json.load(answer)["texts"]]

    def becomes(self, browser, order, status):
        def there():
            browser.open(f"{self.portal}/orders/{order}")
            return browser.attribute(".status", "data-status") == status

        until(f"the page of {order} says {status}", SOON, there)

    def a_subscriber(self, width, height, language):
        """buys, sees the text and the statement, freezes, is refused, thaws"""
        msisdn = next(self.numbers)
        account = self.subscriber(msisdn, language)
        with contextlib.ExitStack() as ending:
            browser = self.browser(ending, width, height, language)
            browser.open(f"{self.portal}/")
            browser.shot("front")
            expect("the language", browser.attribute("html", "lang")[:2], language)
            self.sign_in(browser, msisdn)
            browser.open(f"{self.portal}/")
            browser.says("双色球 <b>")
            browser.shot("catalogue")
            browser.follow("双色球")
            browser.shot("goods")
            self.buy(browser, self.goods)
            order = browser.driver.current_url.split("/orders/")[-1]
            expect("the address shows an order", order[:1], "O")
            self.becomes(browser, order, "delivered")
            browser.shot("bought")
            told = lambda: any("2.00" in text and "双色球" in text for text in self.texts(msisdn))
            until("the text has come", SOON, told)
            browser.open(f"{self.sms}/simulator/sms/{msisdn}/handset")
            browser.says("双色球")
            browser.shot("handset")
            browser.origins.discard(self.sms)
            browser.open(f"{self.portal}/texts")
            browser.shot("texts")
            browser.open(f"{self.portal}/accounts/{account}")
            browser.says("2.00")
            browser.says(order)
            browser.shot("statement")
            browser.open(f"{self.portal}/accounts")
            browser.says("98.00")
            freeze = f"form[action='/accounts/{account}/freeze']"
            browser.press("details summary")
            browser.fill(freeze, payment_password=PASSWORD)
            browser.press(f"{freeze} button")
            browser.open(f"{self.portal}/accounts")
            browser.one(f"form[action='/accounts/{account}/thaw']")
            browser.shot("frozen")
            self.buy(browser, self.goods)
            browser.says("account_frozen")
            browser.shot("refused")
            balance = self.nation.must("GET", f"/v1/accounts/{account}")["balance"]
            expect("the balance after the refusal", balance, "98.00")
            browser.open(f"{self.portal}/accounts")
            thaw = f"form[action='/accounts/{account}/thaw']"
            browser.press("details summary")
            browser.fill(thaw, payment_password=PASSWORD)
            browser.press(f"{thaw} button")
            browser.open(f"{self.portal}/accounts")
            browser.one(freeze)
            expect("what was asked for", browser.origins, {self.portal})
            for cookie in browser.driver.get_cookies():
                flags = (cookie["httpOnly"], cookie.get("sameSite"))
                expect(f"the flags of {cookie['name']}", flags, (True, "Strict"))
        return f"{order} at {width} pixels"

    def a_visitor(self):
        """a visitor of another province buys what is for visitors, with number and password alone"""
        msisdn = self.nation.number_of(AWAY, 1)[0]
        opened = {"msisdn": msisdn, "kind": "virtual", "payment_password": PASSWORD}
        account = self.nation.must("POST", "/v1/accounts", opened)["account_id"]
        topped = {"method": "cash", "amount": "100.00", "agent_id": "agent-1"}
        self.nation.must("POST", f"/v1/accounts/{account}/top-ups", topped)
        with contextlib.ExitStack() as ending:
            browser = self.browser(ending, 390, 844, "zh")
            browser.open(f"{self.portal}/?number={msisdn}")
            browser.says("羊城一日游")
            browser.shot("visitor")
            browser.follow("羊城一日游")
            form = f"form[action='/goods/{self.roaming}/buy']"
            browser.fill(form, payment_password=PASSWORD)
            browser.press(f"{form} button")
            order = browser.driver.current_url.split("/orders/")[-1].split("?")[0]
            until(
                "it is paid at home",
                SOON,
                lambda: self.nation.must("GET", f"/v1/accounts/{account}")["balance"] == "98.00",
            )
            browser.shot("visitor-bought")
        return order

    def by_name(self, browser, name):
        """Signs in at the page for people, who have names and long passwords."""
        person = next(one for one in self.nation.urls["portal_people"] if one["name"] == name)
        browser.open(f"{self.portal}/people/sign-in")
        form = "form[action='/people/sign-in']"
        browser.fill(form, name=name, password=person["password"])
        browser.press(f"{form} button")
        browser.says(name)

    def desks(self, width, height, language):
        """an SP's person uploads, a reviewer approves and publishes, a subscriber finds it; suspended at once"""
        title = f"日票 {width} & <i>"
        msisdn = next(self.numbers)
        self.subscriber(msisdn, language)
        with contextlib.ExitStack() as ending:
            seller = self.browser(ending, width, height, language)
            self.by_name(seller, "seller")
            seller.open(f"{self.portal}/sp")
            seller.fill("form[action='/sp/goods']", title=title, price="3.00")
            seller.choose("form[action='/sp/goods'] [name=application]", "ticketing")
            seller.press("form[action='/sp/goods'] button")
            seller.open(f"{self.portal}/sp")
            seller.says(title)
            seller.shot("sp-goods")
            reviewer = self.browser(ending, width, height, language)
            self.by_name(reviewer, "reviewer")
            reviewer.open(f"{self.portal}/desk")
            reviewer.shot("desk")
            product = self.waiting(title)
            reviewer.press(f"form[action='/desk/goods/{product}/review'] button[value=approve]")
            reviewer.open(f"{self.portal}/desk")
            reviewer.press(f"form[action='/desk/goods/{product}/publish'] button")
            reviewer.open(f"{self.portal}/desk")
            reviewer.one(f"form[action='/desk/goods/{product}/withdraw']")
            buyer = self.browser(ending, width, height, language)
            self.sign_in(buyer, msisdn)
            self.buy(buyer, product)
            order = buyer.driver.current_url.split("/orders/")[-1]
            self.becomes(buyer, order, "delivered")
            buyer.shot("ticket")
            seller.open(f"{self.portal}/sp/orders")
            seller.says(order)
            seller.shot("sp-orders")
            seller.open(f"{self.portal}/sp/settlement")
            seller.shot("settlement")
            seller.open(f"{self.portal}/sp/keys")
            seller.open(f"{self.portal}/desk")
            if seller.find("form[action^='/desk']"):
                raise Wrong("the reviewer's desk is shown to an SP")
            reviewer.open(f"{self.portal}/desk/applications")
            reviewer.open(f"{self.portal}/desk/sps")
            reviewer.shot("sps")
            sp = self.nation.must("GET", f"/v1/products/{product}")["sp_id"]
            reviewer.press(f"form[action='/desk/sps/{sp}/suspend'] button")
            buyer.open(f"{self.portal}/")
            if title in buyer.text():
                raise Wrong("the goods of a suspended SP are still shown")
            reviewer.open(f"{self.portal}/desk/sps")
            reviewer.press(f"form[action='/desk/sps/{sp}/resume'] button")
            for browser in (seller, reviewer, buyer):
                expect("what was asked for", browser.origins, {self.portal})
        return f"{product}, {order}"

    def waiting(self, title):
        found = self.nation.must("GET", "/v1/products?status=in_review&limit=500")["products"]
        return next(one["product_id"] for one in found if one["title"] == title)

    def wrong_passwords(self):
        """five wrong passwords at the portal lock, and the right one is refused after them"""
        msisdn = next(self.numbers)
        self.subscriber(msisdn, "en")
        with contextlib.ExitStack() as ending:
            browser = self.browser(ending, 390, 844, "en")
            for password in ("111999", "222888", "333777", "444666", "555444", PASSWORD):
                browser.open(f"{self.portal}/sign-in")
                browser.fill("form[action='/sign-in']", msisdn=msisdn, payment_password=password)
                browser.press("form[action='/sign-in'] button")
            browser.says("password_locked")
            browser.shot("locked")
        return "locked"


def run(arguments, folder):
    report = Report()
    with contextlib.ExitStack() as ending:
        nation = Nation(arguments.mpss, folder)
        ending.callback(nation.end)
        story = Story(nation, folder, arguments.screenshots)
        for width, height, language in SCREENS:
            name = f"a subscriber at {width} pixels ({language}) {story.a_subscriber.__doc__}"
            report.line(name, lambda: story.a_subscriber(width, height, language))
            report.line(
                f"at {width} pixels ({language}) {story.desks.__doc__}", lambda: story.desks(width, height, language)
            )
        report.line(story.a_visitor.__doc__, story.a_visitor)
        report.line(story.wrong_passwords.__doc__, story.wrong_passwords)
    return report.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mpss")
    parser.add_argument("--screenshots", metavar="FOLDER", help="where images of the pages are kept")
    arguments = parser.parse_args()
    for program in ("chromium", "chromedriver"):
        if not shutil.which(program):
            parser.error(f"{program} is not installed")
    if arguments.screenshots:
        os.makedirs(arguments.screenshots, exist_ok=True)
    play(parser, arguments, LIBRARIES, run)


if __name__ == "__main__":
    main()
