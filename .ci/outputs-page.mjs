// What Chromium and axe say of HTML pages: `node page.mjs FOLDER NAME…`, in a folder with
// puppeteer-core and axe-core. NAME is a report in FOLDER without `.html`, or NAME=URL a page of a
// server. Leaves screenshots and a print in FOLDER.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const [folder, ...names] = process.argv.slice(2);
const axe = fs.readFileSync("node_modules/axe-core/axe.min.js", "utf8");
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(fs.existsSync);
const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox"] });
const complaints = [];

for (const named of names) {
  const [name, url = pathToFileURL(path.join(folder, `${name}.html`)).href] = named.split(/=(.*)/s);
  // A report is one file. A page of a server may have its own style and script.
  const isOwn = (asked) => asked === url || (named !== name && new URL(asked).origin === new URL(url).origin);
  for (const scheme of ["light", "dark"]) {
    for (const width of [320, 768, 1280]) {
      const where = `${name}, ${scheme}, ${width} px`;
      const page = await browser.newPage();
      page.on("console", (said) => complaints.push(`${where}: ${said.text()}`));
      page.on("request", (asked) => {
        if (!isOwn(asked.url())) complaints.push(`${where}: loads ${asked.url()}`);
      });
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.goto(url);
      await page.screenshot({ path: path.join(folder, `${name}-${scheme}-${width}.png`), fullPage: true });
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth > innerWidth);
      if (wide) complaints.push(`${where}: wider than the window`);
      // Everything that folds open is checked too, and it opens by key.
      const folded = await page.$$("details:not([open]) > summary");
      for (const summary of folded) {
        await summary.focus();
        await page.keyboard.press("Enter");
      }
      const closed = await page.$$eval("details:not([open])", (all) => all.length);
      if (closed > 0) complaints.push(`${where}: ${closed} findings do not open by key`);
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      for (const { id, help, nodes } of found.violations) {
        complaints.push(`${where}: axe ${id}: ${help}: ${nodes[0].html}`);
      }
      await page.close();
    }
  }
  const page = await browser.newPage();
  await page.goto(url);
  await page.pdf({ path: path.join(folder, `${name}.pdf`), format: "A4", margin: { top: "1cm", right: "1cm", bottom: "1cm", left: "1cm" } });
  await page.close();
}
await browser.close();
for (const complaint of complaints) console.error(complaint);
process.exit(complaints.length > 0 ? 1 : 0);
