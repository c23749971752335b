package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strconv"
)

//go:embed page.css document.tmpl pieces.tmpl run.tmpl
var files embed.FS

// Head is what stands around the body of a document.
type Head struct {
	Title string // of the window
	// Live is what a server adds to the documents that it serves; nil for a file, which then holds no script at all.
	Live *Live
	Foot string // the last line: by what, and when, it was written
}

// Live is what a server adds. All addresses are paths of its own.
type Live struct {
	Script string // of the script that follows the stream; empty: none
	Stream string // of the event stream, which the script finds as data-stream of the body; empty: none
	Nav    []Link // to the other documents of the server
	// Run is the address of the page of a run. Nil: runs are named and not linked.
	Run func(id int) string
}

// Link leads somewhere.
type Link struct {
	Text, URL string
	Here      bool // it is this document
}

// CSP is the Content-Security-Policy of a document, as it stands in its head. A server sends it as a header, too, with
// "; frame-ancestors 'none'", which counts nowhere else. It lets nothing in: no script but the server's own one of a live document, no
// style but the one that stands in the document, and no request but the event stream.
func CSP(live *Live) (string, error) {
	css, err := style()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(css))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	if live != nil && live.Script != "" {
		policy += "; script-src 'self'; connect-src 'self'"
	}
	return policy, nil
}

// style is the style sheet as it stands in a document.
func style() (string, error) {
	css, err := files.ReadFile("page.css")
	if err != nil {
		return "", fmt.Errorf("reading the style of pages: %w", err)
	}
	return "\n" + string(css), nil
}

// Render writes a document. The text is a template that defines "body", which gets data; it may use the templates "state", "graph"
// and "time" of this package (see pieces.tmpl) and the function run, the address of the page of a run, empty where there is none.
func Render(w io.Writer, h Head, text string, data any) error {
	css, err := style()
	if err != nil {
		return err
	}
	policy, err := CSP(h.Live)
	if err != nil {
		return err
	}
	t := template.New("").Funcs(template.FuncMap{"run": func(id int) string {
		if h.Live == nil || h.Live.Run == nil || id == 0 {
			return ""
		}
		return h.Live.Run(id)
	}})
	if t, err = t.ParseFS(files, "document.tmpl", "pieces.tmpl"); err != nil {
		return fmt.Errorf("reading the templates of pages: %w", err)
	}
	if t, err = t.Parse(text); err != nil {
		return fmt.Errorf("reading the template of a page: %w", err)
	}
	var b bytes.Buffer // an error half way through would leave half a document
	err = t.ExecuteTemplate(&b, "document", struct {
		Head
		Policy string
		Style  template.CSS // ours, and nothing is put into it
		Body   any
	}{h, policy, template.CSS(css), data})
	if err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	return nil
}

// number is a run as people call it.
func number(id int) string { return "#" + strconv.Itoa(id) }
