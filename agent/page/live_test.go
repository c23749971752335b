package page

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestLive: a server adds its script and its stream to the same page, and the policy lets these in and nothing else.
func TestLive(t *testing.T) {
	p := applied(t)
	p.Live = &Live{Script: "/live.js", Stream: "/runs/12/stream", Nav: []Link{{Text: "Stacks", URL: "/"}, {Text: "Runs", URL: "/runs", Here: true}}}
	page := written(t, p)
	var script, stream, policy string
	for _, e := range elements(t, page) {
		switch e.Data {
		case "script":
			script += attribute(e, "src")
			if e.FirstChild != nil && e.FirstChild.Type == html.TextNode {
				t.Error("a script stands in the page")
			}
		case "body":
			stream = attribute(e, "data-stream")
		case "meta":
			if attribute(e, "http-equiv") != "" {
				policy = attribute(e, "content")
			}
		}
	}
	if script != "/live.js" || stream != "/runs/12/stream" {
		t.Errorf("script %q, stream %q", script, stream)
	}
	want, err := CSP(p.Live)
	if err != nil || policy != want || !strings.Contains(policy, "script-src 'self'; connect-src 'self'") {
		t.Errorf("the policy is %q, %v", policy, err)
	}
	file, err := CSP(nil)
	if err != nil || strings.Contains(file, "script-src") || !strings.HasPrefix(file, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("the policy of a file is %q, %v", file, err)
	}
}

// TestRender: another document uses the same pieces, and half a document is never written.
func TestRender(t *testing.T) {
	const body = `{{define "body"}}<h1>{{.}}</h1>{{template "state" (index . 0)}} <a href="{{run 12}}">x</a>{{end}}`
	live := &Live{Run: func(int) string { return "/runs/12" }}
	var b bytes.Buffer
	if err := Render(&b, Head{Title: "Stacks", Live: live}, body, []State{{"planned", "wait"}}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, `<span class="state wait">planned</span> <a href="/runs/12">x</a>`) || !strings.Contains(got, "<title>Stacks</title>") {
		t.Errorf("the document is %s", got)
	}
	b.Reset()
	if err := Render(&b, Head{}, `{{define "body"}}{{.Nothing}}{{end}}`, []State{}); err == nil || b.Len() > 0 {
		t.Errorf("a document of which half could be written has %d bytes: %v", b.Len(), err)
	}
}
