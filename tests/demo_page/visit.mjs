// Opens the page as a user does, starts the test, and prints what the user sees as JSON.
// Usage: node visit.mjs BROWSER PROGRAM URL. OVCHECK_BROWSERS names a folder with node_modules of puppeteer-core.
import { createRequire } from "node:module";

const puppeteer = createRequire(`${process.env.OVCHECK_BROWSERS}/`)("puppeteer-core");
const [browserName, executablePath, url] = process.argv.slice(2);
const browser = await puppeteer.launch({
  browser: browserName === "firefox" ? "firefox" : "chrome",
  executablePath,
  headless: true,
  args: browserName === "firefox" ? [] : ["--no-sandbox"],
});
try {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(() => {
    const send = window.fetch;
    window.fetch = (to, options) => {
      if (String(to).includes("/report")) window.report = options.body;
      return send(to, options);
    };
  });
  await page.goto(url);
  await page.click("#begin");
  await page.waitForFunction(() => ["verdict", "error"].includes(document.activeElement?.id), { timeout: 60_000 });
  // With a code, the page sends the result by itself; closed before that, the browser would take it back.
  const isDelivered = (sending) => {
    const sent = document.getElementById("sent").textContent;
    return document.activeElement?.id === "error" || (sent !== "" && sent !== sending);
  };
  const sending = await page.evaluate(() => JSON.parse(document.getElementById("text").textContent).sending);
  await page.waitForFunction(isDelivered, { timeout: 60_000 }, sending);
  const seen = await page.evaluate(() => {
    const text = (id) => document.getElementById(id).textContent;
    const rows = [...document.querySelectorAll("[data-way]")].map((row) => [row.dataset.way, row.className]);
    const report = JSON.parse(window.report ?? "null");
    return { verdict: text("verdict"), error: text("error"), ways: Object.fromEntries(rows), report };
  });
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
