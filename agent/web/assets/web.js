// Follows the log of a run as it grows, and loads a page again on which something may have changed.
"use strict";
(() => {
  const stream = document.body.dataset.stream;
  if (!stream) {
    // What is listed changes at any time. A page that nobody sees, or in which somebody reads or types, is left alone.
    const every = 30000;
    setInterval(() => {
      if (document.visibilityState === "visible" && !document.getSelection()?.toString() && window.scrollY < 200) location.reload();
    }, every);
    return;
  }
  let log = document.getElementById("log");
  if (!log) {
    const section = document.createElement("section");
    const title = document.createElement("h2");
    title.textContent = "Log";
    log = document.createElement("pre");
    log.id = "log";
    log.tabIndex = 0;
    section.append(title, log);
    document.getElementById("main").append(section);
  }
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  said.id = "live";
  said.textContent = "Connecting…";
  log.before(said);
  const source = new EventSource(stream);
  const data = (e) => JSON.parse(e.data);
  // Whoever looks at the end goes on seeing the end; whoever has scrolled up is left there.
  const add = (text) => {
    const box = log.scrollHeight > log.clientHeight + 4 ? log : document.scrollingElement;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    log.append(text);
    if (atEnd) box.scrollTop = box.scrollHeight;
  };
  source.addEventListener("open", () => { if (said.textContent.endsWith("…")) said.textContent = "The log is shown as it grows."; });
  source.addEventListener("error", () => { said.textContent = "Cut off; connecting again…"; });
  source.addEventListener("anew", (e) => { log.textContent = ""; add(data(e).text); });
  source.addEventListener("log", (e) => add(data(e).text));
  source.addEventListener("run", (e) => { said.textContent = data(e).text; });
  source.addEventListener("end", (e) => {
    source.close();
    said.textContent = data(e).text + " ";
    const again = document.createElement("a");
    again.href = location.pathname;
    again.textContent = "Show the whole page as it is now";
    said.append(again);
  });
})();
