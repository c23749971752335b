package web

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/page/pagetest"
	"sallyport/store"
)

var screenshots = flag.String("screenshots", "", "write pictures of the pages into this directory, to be looked at")

// views are how pages are looked at: on a desk and on a telephone, by day and by night.
var views = map[string]pagetest.View{
	"light": {Width: 1100, Height: 900}, "dark": {Width: 1100, Height: 900, Dark: true},
	"phone-light": {Width: 390, Height: 844}, "phone-dark": {Width: 390, Height: 844, Dark: true},
}

// TestBrowser looks at the pages with a real browser.
func TestBrowser(t *testing.T) {
	need.Long(t, "a browser is started")
	b := pagetest.Start(t)
	f := newFake()
	f.status = night()
	f.after = map[string][]string{"ghe": {"net", "dns"}, "wiki": {"ghe"}}
	f.runs[12], f.runs[13], f.runs[9] = planned(12, "ghe"), applying(13), planned(9, hostile)
	f.logs[13] = "first\n"
	o, began := options(f), time.Now()
	o.Now = func() time.Time { return noon.Add(time.Since(began)) }
	o.Names = func(account string) string { return map[string]string{"slack:U01": "Ann", "slack:U02": "Bob"}[account] }
	_, h := serve(t, o)
	for name, path := range map[string]string{"home": "/", "runs": "/runs", "graph": "/graph", "hostile": "/runs/9"} {
		t.Run(name, func(t *testing.T) {
			tab := b.Open(h.URL+path, views["light"])
			defer tab.Close()
			for how, view := range views {
				if *screenshots == "" && (how == "dark" || how == "phone-light") { // as wide as the others
					continue
				}
				tab.Look(view)
				var wide float64
				if tab.Eval("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)", &wide); int(wide) > view.Width {
					t.Errorf("%s: it is %v wide", how, wide)
				}
				if *screenshots != "" {
					tab.Screenshot(filepath.Join(*screenshots, name+"-"+how+".png"))
				}
			}
			asksHere(t, tab, h.URL)
		})
	}
	t.Run("goes on", func(t *testing.T) {
		tab := b.Open(h.URL+"/runs/12", views["light"])
		defer tab.Close()
		says(t, tab, "#live", "This goes on as the run does.")
		f.set(func() { f.runs[12], f.logs[12] = applying(12), "first\n" })
		says(t, tab, "#live", "applying, 1 of 3, aws_instance.web. Show the page as it is now")
		says(t, tab, "#log", "first\n")
		asksHere(t, tab, h.URL)
	})
	t.Run("log", func(t *testing.T) {
		tab := b.Open(h.URL+"/runs/13", views["phone-dark"])
		defer tab.Close()
		says(t, tab, "#log", "first\n")
		f.set(func() { f.logs[13] = "first\n<b>second</b>\n" })
		says(t, tab, "#log", "first\n<b>second</b>\n")
		says(t, tab, "#live", "This goes on as the run does.")
		f.set(func() {
			run := f.runs[13]
			run.Status = store.Applied
			f.runs[13], f.logs[13] = run, f.logs[13]+"last\n"
		})
		says(t, tab, "#live", "applied. Show the page as it is now")
		says(t, tab, "#log", "first\n<b>second</b>\nlast\n")
		if *screenshots != "" {
			tab.Screenshot(filepath.Join(*screenshots, "log.png"))
		}
		asksHere(t, tab, h.URL)
		if got := strings.Count(fmt.Sprint(tab.Requests()), "/log"); got != 1 {
			t.Errorf("the stream was asked for %d times: %v", got, tab.Requests())
		}
	})
}

// asksHere expects that a page asked for nothing of anybody else's, and that its console is empty.
func asksHere(t *testing.T, tab *pagetest.Tab, here string) {
	t.Helper()
	if len(tab.Requests()) < 2 { // the page and its script
		t.Errorf("asked for %v", tab.Requests())
	}
	for _, url := range tab.Requests() {
		if !strings.HasPrefix(url, here+"/") {
			t.Errorf("asked for %s", url)
		}
	}
	if got := tab.Complaints(); len(got) > 0 {
		t.Errorf("the console has %v", got)
	}
}

// says waits until an element has a text.
func says(t *testing.T, tab *pagetest.Tab, element, text string) {
	t.Helper()
	var got string
	tab.Eval(fmt.Sprintf(`new Promise(done => {
		const look = () => {
			const e = document.querySelector(%q);
			if (e && e.textContent === %q) { seen.disconnect(); clearTimeout(late); done(e.textContent) }
		};
		const seen = new MutationObserver(look), late = setTimeout(() => { seen.disconnect(); done("never: " + document.querySelector(%[1]q)?.textContent) }, %[3]d);
		seen.observe(document.documentElement, {childList: true, subtree: true, characterData: true});
		look();
	})`, element, text, (100*time.Second).Milliseconds()), &got)
	if got != text {
		t.Fatalf("%s says %q, want %q", element, got, text)
	}
}
