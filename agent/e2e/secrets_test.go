package e2e

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sallyport/agent/patience"
	"strings"
	"testing"
)

// Secrets of every way in go through plan, names and keys of objects, failed and good applies, logs, Slack, the store and the backup. None of them may
// be seen in any of these, neither as it is nor in the usual disguises.
func TestSecretsAreNeverSeen(t *testing.T) {
	t.Parallel()
	const (
		fromEnv        = "canary-env-secret-7b21"
		fromCredential = "canary/credential+secret=5c9d"
		fromFile       = "canary-file-secret-e310"
		inVarFile      = "canary-sensitive-variable-88fa"
	)
	i, s, creds := newInfra(t), newWorkspace(t), t.TempDir()
	write(t, filepath.Join(creds, "password"), fromCredential+"\n")
	file := write(t, filepath.Join(t.TempDir(), "secret"), fromFile+"\n")
	i.Commit("Add", map[string]string{
		"box/prod.tfvars": "hidden = \"" + inVarFile + "\"\n",
		"box/main.tf": `
variable "password" {}
variable "plain" {}
variable "hidden" { sensitive = true }
resource "terraform_data" "a" {
  input = [var.password, var.plain, base64encode(var.password), urlencode(var.password)]
}
resource "terraform_data" "keyed" {
  for_each = toset([var.password, var.plain])
}
resource "terraform_data" "` + fromFile + `" {}
resource "terraform_data" "b" {
  depends_on = [terraform_data.a]
  provisioner "local-exec" {
    command = "echo $CLOUD_TOKEN is the token and $PLAIN too; printf 'canary-env\\033[1m-secret-7b21\\n'; printf %s $PLAIN$PLAIN$PLAIN | base64 -w 12; exit 3"
  }
}
output "o" { value = var.plain }
output "hidden" {
  value     = var.hidden
  sensitive = true
}
`})
	web, figures, report := filepath.Join(t.TempDir(), "web.sock"), filepath.Join(t.TempDir(), "sallyport.prom"), filepath.Join(t.TempDir(), "report.tar.gz")
	handsOut := fmt.Sprintf("web {\n  socket = %q\n}\nmetrics {\n  textfile = %q\n}\n", web, figures)
	body := handsOut + i.box(`var_files = ["prod.tfvars"]`, `vars = { password = credential("password"), plain = file("`+file+`") }`,
		`env = { CLOUD_TOKEN = env("CLOUD_TOKEN"), PLAIN = file("`+file+`") }`) + asking(s)
	h := newHouse(t, body, slackEnv, "CLOUD_TOKEN="+fromEnv, "CREDENTIALS_DIRECTORY="+creds).start()
	m := card(t, s, 1)
	replied(t, s, m.TS, "plan-1-")
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("1", "errored")
	replied(t, s, m.TS, "failed")
	i.Commit("Break it with "+fromFile, map[string]string{"box/main.tf": "locals {\n  x = \"" + fromFile + "\" + nosuch.thing\n}\n"})
	h.until("2", "errored", func(r run) bool { return r.Status == "errored" })
	card(t, s, 2)
	i.Commit("Mend it", map[string]string{"box/main.tf": `
variable "password" {}
variable "plain" {}
variable "hidden" { sensitive = true }
output "o" { value = "${var.plain} again" }
output "` + fromFile + `" { value = 1 }
resource "terraform_data" "keyed" {
  for_each = toset([var.password, "another"])
}
output "hidden" {
  value     = "${var.hidden} again"
  sensitive = true
}
`})
	h.reaches("3", "planned")
	h.must("approve", "3", "destroy")
	h.reaches("3", "applied")
	h.must("pause", "box", "--reason", "because of "+fromEnv)
	for _, args := range [][]string{
		{"status"}, {"status", "--json"}, {"runs"}, {"runs", "--json"}, {"show", "1"}, {"show", "1", "--json"}, {"show", "1", "--plan"},
		{"show", "1", "--log"}, {"show", "2"}, {"show", "3"}, {"show", "3", "--json"}, {"check"}, {"check", "--json"},
		{"show", "2", "--html", "-"}, {"show", "3", "--html", "-"},
	} {
		h.try(args...)
	}
	places := map[string]string{}
	for _, path := range []string{"/", "/stacks", "/runs", "/graph", "/runs/1", "/runs/2", "/runs/3", "/runs/1/log", "/runs/3/log"} {
		places["the page "+path] = page(t, web, path)
	}
	if !has(places["the page /runs/1/log"], "local-exec", "(redacted)") || !has(places["the page /runs/3"], "terraform_data.keyed") {
		t.Error("there is no page in which something could be hidden")
	}
	eventually(t, "the figures of all three runs", func() (bool, any) {
		places["the figures"] = read(t, figures)
		return has(places["the figures"], `sallyport_runs_total{kind="commit",stack="box",status="applied"} 1`), places["the figures"]
	})
	h.must("bugreport", report, "--yes", "--log", write(t, filepath.Join(t.TempDir(), "log"), h.Logged()))
	places["the report"] = unpacked(t, report)
	h.stop()
	for _, args := range [][]string{{"status"}, {"show", "1"}, {"show", "1", "--plan"}, {"show", "2", "--json"}, {"show", "1", "--html", "-"}} {
		h.try(args...) // read from the data directory, without the agent's redactor
	}

	if said := h.spoken.String(); strings.Count(said, "<!doctype html>") != 3 || !strings.Contains(said, "terraform_data.keyed") || !strings.Contains(said, "<i class=\"hidden\">(sensitive value)</i>") {
		t.Error("there are no pages in which something could be hidden")
	}
	maps.Copy(places, map[string]string{
		"the agent's log": h.Logged(), "the command line": h.spoken.String(), "Slack": s.Transcript(), "the store": read(t, h.Data("sallyport.db")),
	})
	for _, f := range s.Files() {
		places["Slack's file "+f.Name] = f.Content
	}
	for _, c := range s.Requests("") {
		places["what Slack was sent"] += c.Params.Encode() + "\n"
	}
	for _, secret := range []string{fromEnv, fromCredential, fromFile, inVarFile, gitToken, slackToken} {
		for where, text := range places {
			// base64 as it comes in lines, with whose output each of them is
			text := regexp.MustCompile(`(\n|\\n)terraform_data\.b: \(local-exec\): `).ReplaceAllString(text, "")
			for n := 8; n < len(secret); n++ { // cut before it was redacted
				if strings.Contains(text, secret[:n]+"…") {
					t.Errorf("%s holds the beginning of %q", where, secret)
				}
			}
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret[:len(secret)/3*3])), url.QueryEscape(secret), template.HTMLEscapeString(secret)} {
				if at := strings.Index(text, form); at >= 0 {
					t.Errorf("%s holds %q: ...%s...", where, form, strings.ToValidUTF8(text[max(0, at-80):min(len(text), at+80)], "."))
				}
			}
		}
	}
	checkFilesAreShut(t, h)
}

// checkFilesAreShut looks at the modes of the data directory: nobody else may read a file in it.
func checkFilesAreShut(t *testing.T, h *house) {
	t.Helper()
	err := filepath.WalkDir(h.Data(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Type()&os.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() && info.Mode().Perm()&0o077 != 0 && filepath.Dir(path) == h.Data() {
			t.Errorf("%s can be entered by others: %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(h.Data("sallyport.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the store: %v, %v", info.Mode(), err)
	}
}

// page is what is shown at a unix socket for pages; a stream is read to its end.
func page(t *testing.T, socket, path string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}).RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, answer.Status, err)
	}
	return string(text)
}

// unpacked is all that is in an archive.
func unpacked(t *testing.T, file string) (text string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	parts := tar.NewReader(z)
	for {
		part, err := parts.Next()
		if errors.Is(err, io.EOF) {
			return text
		} else if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(parts)
		if err != nil {
			t.Fatal(err)
		}
		text += part.Name + "\n" + string(data) + "\n"
	}
}
