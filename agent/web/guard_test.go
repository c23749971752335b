package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRefuse asks as browsers, other people's pages in them and programs do.
func TestRefuse(t *testing.T) {
	t.Parallel()
	const here = "localhost:9747"
	for name, tc := range map[string]struct {
		method, host, path, body string
		header                   map[string]string
		want                     int // 0: it is answered
	}{
		"as typed":                        {host: here},
		"another port":                    {host: "localhost:8080"},
		"no port":                         {host: "localhost"},
		"in capitals":                     {host: "LOCALHOST:9747"},
		"by address":                      {host: "127.0.0.1:9747"},
		"by address of six":               {host: "[::1]:9747"},
		"by address of six without port":  {host: "[::1]"},
		"from these pages":                {host: here, header: map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:9747"}},
		"typed, as a browser says":        {host: here, header: map[string]string{"Sec-Fetch-Site": "none"}},
		"head":                            {method: "HEAD", host: here},
		"no host":                         {host: "", want: 421},
		"a name that leads here":          {host: "evil.example:9747", want: 421},
		"a name that ends well":           {host: "evil-localhost:9747", want: 421},
		"a name below":                    {host: "localhost.evil.example:9747", want: 421},
		"a name below localhost":          {host: "evil.localhost:9747", want: 421},
		"with a dot behind":               {host: "localhost.:9747", want: 421},
		"somebody before it":              {host: "localhost@evil.example", want: 421},
		"another address of this machine": {host: "127.0.0.2:9747", want: 421},
		"any address":                     {host: "0.0.0.0:9747", want: 421},
		"an address with a zone":          {host: "[::1%25lo]:9747", want: 421},
		"half a bracket":                  {host: "[::1:9747", want: 421},
		"brackets around a name":          {host: "[localhost]x", want: 421},
		"a port that is none":             {host: "localhost:http", want: 421},
		"a port that is too much":         {host: "localhost:70000", want: 421},
		"two names":                       {host: "localhost,evil.example", want: 421},
		"another origin":                  {host: here, header: map[string]string{"Origin": "http://evil.example"}, want: 403},
		"an origin on another port":       {host: here, header: map[string]string{"Origin": "http://localhost:8080"}, want: 403},
		"an origin by the other name":     {host: here, header: map[string]string{"Origin": "http://127.0.0.1:9747"}, want: 403},
		"an origin with another scheme":   {host: here, header: map[string]string{"Origin": "https://localhost:9747"}, want: 403},
		"no origin that can be named":     {host: here, header: map[string]string{"Origin": "null"}, want: 403},
		"an empty origin":                 {host: here, header: map[string]string{"Origin": ""}, want: 403},
		"from another site":               {host: here, header: map[string]string{"Sec-Fetch-Site": "cross-site"}, want: 403},
		"from another port of this site":  {host: here, header: map[string]string{"Sec-Fetch-Site": "same-site"}, want: 403},
		"from what nobody knows":          {host: here, header: map[string]string{"Sec-Fetch-Site": "perhaps"}, want: 403},
		"post":                            {method: "POST", host: here, want: 405},
		"a method of one's own":           {method: "APPROVE", host: here, want: 405},
		"with a body":                     {host: here, body: "x", want: 413},
		"out of the tree":                 {host: here, path: "/assets/../../etc/passwd", want: 404},
		"two slashes":                     {host: here, path: "//evil.example/", want: 404},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", strings.NewReader(tc.body))
			if tc.body == "" {
				r = httptest.NewRequest("GET", "/", nil)
			}
			r.Host = tc.host
			if tc.method != "" {
				r.Method = tc.method
			}
			if tc.path != "" {
				r.URL.Path = tc.path
			}
			for name, value := range tc.header {
				r.Header.Set(name, value)
			}
			got := 0
			if no := refuse(r); no != nil {
				got = no.status
			}
			if got != tc.want {
				t.Errorf("refused with %d, want %d", got, tc.want)
			}
		})
	}
}

// methods are all that HTTP and what goes over it knows, and one that nobody does.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PROPFIND", "MKCOL", "LOCK", "APPROVE"}

// TestNoRouteChangesAnything asks every route with every method: what is not there to be read is answered 405 before a route is looked
// for, and each answer has the headers that keep it where it is.
func TestNoRouteChangesAnything(t *testing.T) {
	t.Parallel()
	f := newFake()
	done := applying(12)
	done.Status = "applied"
	f.runs[12], f.logs[12] = done, "ended\n"
	s, h := serve(t, options(f))
	routes := s.routes()
	if len(routes) < 8 {
		t.Fatalf("only %d routes", len(routes))
	}
	for _, route := range routes {
		path := strings.NewReplacer("{$}", "", "{id}", "12").Replace(route.pattern)
		for _, method := range methods {
			r, err := http.NewRequest(method, h.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			reads := method == "GET" || method == "HEAD"
			if (answer.StatusCode == 200) != reads || !reads && (answer.StatusCode != 405 || answer.Header.Get("Allow") != "GET, HEAD") {
				t.Errorf("%s %s: %s", method, path, answer.Status)
			}
			if method == "HEAD" && len(body) > 0 || method == "GET" && len(body) == 0 {
				t.Errorf("%s %s: %d bytes", method, path, len(body))
			}
			for name, value := range headers {
				if got := answer.Header.Values(name); len(got) != 1 || got[0] != value {
					t.Errorf("%s %s: %s is %q", method, path, name, got)
				}
			}
			if csp := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s %s: the policy is %q", method, path, csp)
			}
			if len(answer.Cookies()) > 0 {
				t.Errorf("%s %s: a cookie", method, path)
			}
		}
	}
}

// What goes wrong is a calm page that says nothing that nobody may know.
func TestWhatGoesWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path string
		do   func(*fake)
		want int
		text string
	}{
		"no such page":         {"/nothing", func(*fake) {}, 404, notThere},
		"no such file":         {"/assets/home.tmpl", func(*fake) {}, 404, notThere},
		"no such run":          {"/runs/99", func(*fake) {}, 404, "#99"},
		"no run at all":        {"/runs/x", func(*fake) {}, 404, notThere},
		"another spelling":     {"/runs/012", func(*fake) {}, 404, notThere},
		"no log of it":         {"/runs/99/log", func(*fake) {}, 404, "#99"},
		"the store fails":      {"/", func(f *fake) { f.fails = io.ErrUnexpectedEOF }, 500, "unexpected EOF"},
		"a secret in an error": {"/", func(f *fake) { f.fails = errSecret{} }, 500, "with (redacted) in it"},
		"a panic":              {"/", func(f *fake) { f.panics = true }, 500, "A fault in sallyport itself"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			tc.do(f)
			_, h := serve(t, options(f))
			body := get(t, h.URL+tc.path, tc.want)
			if !strings.Contains(body, tc.text) || strings.Contains(body, "hunter2") || !strings.Contains(body, "</html>") {
				t.Errorf("not %q in\n%s", tc.text, body)
			}
		})
	}
}

type errSecret struct{}

func (errSecret) Error() string { return "a file with hunter2 in it" }
