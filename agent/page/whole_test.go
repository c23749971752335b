package page

import (
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

// elements are those of a page, in the order in which they begin.
func elements(t *testing.T, page string) (out []*html.Node) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			out = append(out, n)
		}
	}
	return out
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// balanced says which end tag closes something that is not open; html.Parse would mend it without a word.
func balanced(t *testing.T, page string) {
	t.Helper()
	var open []string
	void := map[string]bool{"meta": true, "br": true}
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("left open at the end: %v", open)
			}
			return
		case html.StartTagToken:
			if name, _ := z.TagName(); !void[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> in %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// allowed are the attributes of a page. What is not among them could ask for something, or run.
var allowed = []string{
	"lang", "charset", "http-equiv", "content", "name", "class", "href", "id", "aria-labelledby", "aria-label", "aria-hidden", "open", "datetime", "rel",
	"viewbox", "title", "preserveaspectratio", "x", "y", "width", "height", "role", "d", "cx", "cy", "r",
}

// TestPagesAreWhole: a page is well formed, runs nothing and asks for nothing, and can be walked through by its headings and ids.
func TestPagesAreWhole(t *testing.T) {
	for name, p := range cases(t) {
		t.Run(name, func(t *testing.T) {
			page := written(t, p)
			balanced(t, page)
			ids, level := map[string]bool{}, 0
			all := elements(t, page)
			for _, n := range all {
				if id := attribute(n, "id"); id != "" {
					if ids[id] {
						t.Errorf("two elements are %q", id)
					}
					ids[id] = true
				}
			}
			for _, n := range all {
				switch n.Data {
				case "script", "img", "link", "iframe", "object", "embed", "form", "input", "button", "base", "use", "image", "foreignobject", "video", "audio":
					t.Errorf("there is a <%s>", n.Data)
				case "h1", "h2", "h3", "h4":
					now, _ := strconv.Atoi(n.Data[1:])
					if now > level+1 || now == 1 && level != 0 {
						t.Errorf("h%d after h%d", now, level)
					}
					level = now
				}
				for _, a := range n.Attr {
					if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+strings.ToLower(a.Key)+" ") {
						t.Errorf("<%s> has the attribute %s", n.Data, a.Key)
					}
				}
				href := attribute(n, "href")
				if href != "" && (n.Data != "a" || !strings.HasPrefix(href, "#") && !strings.HasPrefix(href, "https://slack.example/")) {
					t.Errorf("<%s> leads to %q", n.Data, href)
				}
				if id, ok := strings.CutPrefix(href, "#"); ok && !ids[id] {
					t.Errorf("a link leads to %q, which is not there", href)
				}
				for _, id := range strings.Fields(attribute(n, "aria-labelledby")) {
					if !ids[id] {
						t.Errorf("<%s> is labelled by %q, which is not there", n.Data, id)
					}
				}
			}
			if level == 0 {
				t.Error("there is no heading")
			}
			for _, r := range page {
				if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) || r == '\u200b' || r == '\ufffd' {
					t.Errorf("there is a %U", r)
				}
			}
		})
	}
}
