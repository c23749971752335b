// Follows the log of a run as it grows, and loads a page again on which something may have changed.
"use strict";
(() => {
  const stream = document.body.dataset.stream;
  if (!stream) {
    // What is listed changes at any time. A page that nobody sees, or in which somebody reads, is left alone.
    if (!document.querySelector("[data-lists]")) return;
    setInterval(() => {
      if (document.visibilityState === "visible" && !document.getSelection()?.toString() && window.scrollY < 200) location.reload();
    }, 30000);
    return;
  }
  const said = document.createElement("p");
  said.id = "live";
  said.setAttribute("role", "status");
  let log = document.getElementById("log");
  if (log) log.before(said);
  else document.querySelector(".lead, h1").after(said);
  // Nothing was said yet where there is no place for it.
  const place = () => {
    if (log) return log;
    const section = document.createElement("section");
    const title = document.createElement("h2");
    title.textContent = "What terraform said";
    log = document.createElement("pre");
    log.id = "log";
    section.append(title, said, log);
    document.getElementById("main").append(section);
    return log;
  };
  const tell = (text, again) => {
    said.textContent = text;
    if (!again) return;
    const link = document.createElement("a");
    link.href = location.pathname;
    link.textContent = "Show the page as it is now";
    said.append(" ", link);
  };
  // Whoever looks at the end goes on seeing the end; whoever has scrolled up is left there.
  const add = (text) => {
    if (!text) return;
    const view = document.scrollingElement;
    const atEnd = log && log.getBoundingClientRect().bottom - view.clientHeight < 60;
    place().append(text);
    if (atEnd) log.scrollIntoView({ block: "end" });
  };
  const data = (e) => JSON.parse(e.data);
  let cut = false;
  tell("Connecting…");
  const source = new EventSource(stream);
  source.addEventListener("open", () => { tell(cut ? "Connected again." : "This goes on as the run does."); });
  source.addEventListener("error", () => {
    cut = true;
    if (source.readyState === EventSource.CLOSED) tell("This cannot be followed now.", true); // it was answered, and not with a stream
    else tell("Cut off; connecting again…");
  });
  source.addEventListener("anew", (e) => { if (log) log.textContent = ""; add(data(e).text); });
  source.addEventListener("log", (e) => add(data(e).text));
  source.addEventListener("run", (e) => tell(data(e).text, true));
  source.addEventListener("end", (e) => { source.close(); tell(data(e).text, true); });
})();
