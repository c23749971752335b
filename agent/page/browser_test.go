package page

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/page/pagetest"
)

var screenshots = flag.String("screenshots", "", "write pictures of the pages into this directory, to be looked at")

// views are how pages are looked at: on a desk and on a telephone, by day and by night.
var views = map[string]pagetest.View{
	"light": {Width: 1100, Height: 900}, "dark": {Width: 1100, Height: 900, Dark: true},
	"phone-light": {Width: 390, Height: 844}, "phone-dark": {Width: 390, Height: 844, Dark: true},
}

// fileOf writes a page and returns its address.
func fileOf(t *testing.T, p RunPage) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(written(t, p)), 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + (&url.URL{Path: file}).EscapedPath()
}

// contrast finds the texts that are hard to read: the first of them with a contrast below 4.5 (WCAG 2, AA).
const contrast = `(() => {
  const lum = c => { const f = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2] };
  const rgb = s => s.match(/[\d.]+/g).map(Number);
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3) } return [255, 255, 255] };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), bad = new Set();
  let n = 0;
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || e.closest('svg')) continue;
    n++;
    const a = lum(rgb(getComputedStyle(e).color).slice(0, 3)), b = lum(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.add(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2) + ' ' + walk.currentNode.data.trim().slice(0, 30));
  }
  return {n, bad: [...bad]};
})()`

// TestBrowser looks at pages with a real browser.
func TestBrowser(t *testing.T) {
	need.Long(t, "a browser is started")
	b := pagetest.Start(t)
	t.Run("content", func(t *testing.T) { content(t, b) })
	t.Run("complains", func(t *testing.T) { complains(t, b) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, b) })
	t.Run("print", func(t *testing.T) { printed(t, b) })
	t.Run("many changes", func(t *testing.T) { manyChanges(t, b) })
}

// content: it asks for nothing but the page, has nothing to say in its console, needs no scrolling to the side, and every text can be read.
func content(t *testing.T, b *pagetest.Browser) {
	for name, p := range cases(t) {
		t.Run(name, func(t *testing.T) {
			address := fileOf(t, p)
			tab := b.Open(address, views["light"])
			defer tab.Close()
			for how, view := range views {
				tab.Look(view)
				looksWell(t, tab, how)
				if *screenshots != "" {
					tab.Screenshot(filepath.Join(*screenshots, name+"-"+how+".png"))
				}
			}
			if got := tab.Requests(); len(got) != 1 || got[0] != address {
				t.Errorf("asked for %v", got)
			}
			if got := tab.Complaints(); len(got) > 0 {
				t.Errorf("the console has %v", got)
			}
		})
	}
}

// looksWell says whether a page is as wide as the window, and its texts can be read.
func looksWell(t *testing.T, tab *pagetest.Tab, how string) {
	t.Helper()
	var wide float64
	tab.Eval("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)", &wide)
	if int(wide) > views[how].Width {
		t.Errorf("%s: it is %v wide", how, wide)
	}
	var dark bool
	if tab.Eval("matchMedia('(prefers-color-scheme: dark)').matches", &dark); dark != views[how].Dark {
		t.Fatalf("%s: dark is %v", how, dark)
	}
	var texts struct {
		N   int      `json:"n"`
		Bad []string `json:"bad"`
	}
	tab.Eval(contrast, &texts)
	if texts.N < 20 || len(texts.Bad) > 0 {
		t.Errorf("%s: of %d texts these are hard to read: %v", how, texts.N, texts.Bad)
	}
}

// complains: what content looks for is seen where it is there.
func complains(t *testing.T, b *pagetest.Browser) {
	page := strings.Replace(written(t, cases(t)["create"]), "<main", `<script>document.title = "ran"</script><img src="http://evil.example/x.png"><p style="width: 5000px">wide</p><main`, 1)
	file := filepath.Join(t.TempDir(), "page.html")
	open := func(page string) *pagetest.Tab {
		if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		return b.Open("file://"+file, views["light"])
	}
	tab := open(page)
	if got := fmt.Sprint(tab.Complaints()); !strings.Contains(got, "Content Security Policy") {
		t.Errorf("the policy stops nothing: %v", got)
	}
	var title string
	if tab.Eval("document.title", &title); title == "ran" {
		t.Error("a script ran that the policy does not allow")
	}
	policy, err := CSP(nil)
	if err != nil {
		t.Fatal(err)
	}
	loose := strings.Replace(page, strings.NewReplacer("'", "&#39;", "+", "&#43;").Replace(policy), "default-src * 'unsafe-inline'", 1)
	tab = open(loose)
	if got := fmt.Sprint(tab.Requests()); !strings.Contains(got, "evil.example") {
		t.Errorf("without the policy it asked for %v", got)
	}
	var wide float64
	if tab.Eval("document.documentElement.scrollWidth", &wide); int(wide) <= views["light"].Width {
		t.Errorf("5000 pixels are %v wide", wide)
	}
}

// focused is what has the focus: what it is, and whether that is seen.
const focused = `(() => {
  const e = document.activeElement, s = getComputedStyle(e);
  if (!e.dataset.at) e.dataset.at = String(document.querySelectorAll('[data-at]').length + 1);
  return {tag: e.tagName, at: Number(e.dataset.at), text: e.textContent.trim().slice(0, 40), seen: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2}
})()`

// keyboard: whoever has no mouse reaches everything, sees where they are, and can open what is folded.
func keyboard(t *testing.T, b *pagetest.Browser) {
	tab := b.Open(fileOf(t, cases(t)["protected"]), views["light"])
	var all int
	tab.Eval("[...document.querySelectorAll('a[href], summary')].filter(e => e.checkVisibility()).length", &all)
	if all < 10 {
		t.Fatalf("there are %d places to go to", all)
	}
	for i := range all {
		tab.Press("Tab")
		var f struct {
			Tag, Text string
			At        int
			Seen      bool
		}
		tab.Eval(focused, &f)
		if f.At != i+1 || f.Tag != "A" && f.Tag != "SUMMARY" {
			t.Fatalf("after %d tabs the focus is on %+v", i+1, f)
		}
		if !f.Seen {
			t.Errorf("nobody sees that %+v has the focus", f)
		}
	}
	var before, after bool
	tab.Eval("document.querySelector('.change summary').focus(), document.querySelector('.change').open", &before)
	tab.Press("Enter")
	tab.Eval("document.querySelector('.change').open", &after)
	if before == after {
		t.Errorf("Enter on a change leaves it open=%v", after)
	}
}

// printed: on paper everything is open, and dark on white whatever the screen is.
func printed(t *testing.T, b *pagetest.Browser) {
	tab := b.Open(fileOf(t, cases(t)["modules"]), pagetest.View{Width: 800, Height: 1000, Dark: true, Print: true})
	var got struct {
		Back   string
		All, N int
	}
	tab.Eval(`(() => { const all = [...document.querySelectorAll('.change pre')];
		return {Back: getComputedStyle(document.body).backgroundColor, All: all.length, N: all.filter(e => e.getBoundingClientRect().height > 20).length} })()`, &got)
	if got.Back != "rgb(255, 255, 255)" || got.All < 5 || got.N != got.All {
		t.Errorf("on paper it is %+v", got)
	}
	if *screenshots != "" {
		tab.Screenshot(filepath.Join(*screenshots, "printed.png"))
	}
}

// manyChanges tells how long a page of 5,000 changes takes to open; of a machine that is busy that says nothing.
func manyChanges(t *testing.T, b *pagetest.Browser) {
	tab := b.Open(fileOf(t, many(5000)), views["phone-light"])
	var got struct {
		Load, Nodes, Changes float64
		Size                 float64
	}
	tab.Eval(`(() => { const n = performance.getEntriesByType('navigation')[0]; return {Load: n.loadEventEnd - n.startTime, Size: n.decodedBodySize,
		Nodes: document.getElementsByTagName('*').length, Changes: document.querySelectorAll('.change').length} })()`, &got)
	if got.Changes != 5000 {
		t.Errorf("there are %v changes", got.Changes)
	}
	t.Logf("5,000 changes: loaded after %.0f ms, %.0f elements, %.1f MB", got.Load, got.Nodes, got.Size/1e6)
}
