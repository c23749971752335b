package cloud

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/need"
	"sallyport/agent/terraform/tftest"
)

// TestMain lets the test binary be the provider, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Verb {
		need.Exit(Main(os.Args[2:], os.Environ(), os.Stdout, os.Stderr))
	}
	os.Exit(need.Main(m, need.Terraform))
}

const infrastructure = `
terraform {
  required_providers {
    cloud = { source = "` + Source + `" }
  }
}
resource "cloud_volume" "vol" {
  size      = "200 GB"
  encrypted = "no"
}
resource "cloud_node" "node" {
  type       = "small"
  private_ip = "10.0.0.5"
}
resource "cloud_attachment" "it" {
  node   = cloud_node.node.id
  volume = cloud_volume.vol.id
}
`

// TestTerraform goes through the life of a cloud with the real terraform: what vanishes is created again, what changes is changed,
// what has to be another one is replaced.
func TestTerraform(t *testing.T) {
	t.Parallel()
	need.Long(t, "it starts terraform many times")
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(filepath.Join(t.TempDir(), "c'loud"))
	if err != nil {
		t.Fatal(err)
	}
	mirror, dir := t.TempDir(), t.TempDir()
	lock, err := c.Install(mirror, executable)
	if err != nil {
		t.Fatal(err)
	}
	tftest.Write(t, dir, map[string]string{"main.tf": infrastructure, ".terraform.lock.hcl": lock})
	env := tftest.Environment(t, tftest.CLIConfig(t, mirror))
	tftest.Run(t, dir, env, "init", "-lockfile=readonly")
	apply := func(want ...string) {
		t.Helper()
		tftest.Run(t, dir, env, "plan", "-out=plan")
		text := tftest.Run(t, dir, env, "show", "-json", "plan")
		var plan struct {
			Changes []struct {
				Address string
				Change  struct{ Actions []string }
			} `json:"resource_changes"`
		}
		if err := json.Unmarshal([]byte(text), &plan); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		var got []string
		for _, r := range plan.Changes {
			if actions := strings.Join(r.Change.Actions, " "); actions != "no-op" {
				got = append(got, actions+" "+r.Address)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the plan (-want +got) %s", diff)
		}
		if len(want) > 0 {
			tftest.Run(t, dir, env, "apply", "plan")
		}
	}
	apply("create cloud_attachment.it", "create cloud_node.node", "create cloud_volume.vol")
	if err := c.Store("precious"); err != nil {
		t.Fatal(err)
	}
	if err := c.LoseNode(); err != nil {
		t.Fatal(err)
	}
	apply("create cloud_attachment.it", "create cloud_node.node")
	if stored, err := c.Stored(); stored != "precious" || err != nil {
		t.Errorf("the volume holds %q, %v", stored, err)
	}
	tftest.Write(t, dir, map[string]string{"main.tf": strings.ReplaceAll(infrastructure, "small", "big")})
	release, err := c.Hold()
	if err != nil {
		t.Fatal(err)
	}
	go func() { // the apply ends only because of this
		for busy := false; !busy && t.Context().Err() == nil; {
			<-time.After(lookAgain)
			busy, _ = c.Restarting()
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	}()
	apply("update cloud_node.node")
	if kind, err := c.Type(); kind != "big" || err != nil {
		t.Errorf("the node is %q, %v", kind, err)
	}
	if n, err := c.Changes(); n != 1 || err != nil {
		t.Errorf("%d changes, %v", n, err)
	}
	tftest.Write(t, dir, map[string]string{"main.tf": strings.NewReplacer("small", "big", `"no"`, `"yes"`).Replace(infrastructure)})
	apply("delete create cloud_attachment.it", "delete create cloud_volume.vol")
	if stored, err := c.Stored(); stored != "" || err != nil {
		t.Errorf("the new volume holds %q, %v", stored, err)
	}
	apply()
	tftest.Run(t, dir, env, "destroy", "-auto-approve")
	left, err := os.ReadDir(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left { // no socket is left either
		if name := entry.Name(); name != mark && name != "changes" {
			t.Errorf("%s is left", name)
		}
	}
}

// TestStartedByNobodyElse: without terraform's cookie and certificate, and elsewhere than in a demo's cloud, it does nothing.
func TestStartedByNobodyElse(t *testing.T) {
	t.Parallel()
	c, err := New(filepath.Join(t.TempDir(), "cloud"))
	if err != nil {
		t.Fatal(err)
	}
	foreign := t.TempDir()
	pem := certificate + "-----BEGIN CERTIFICATE-----"
	for name, s := range map[string]struct {
		args, environ []string
		says          string
	}{
		"by hand":               {[]string{c.dir}, nil, "nothing to be started by hand"},
		"with another cookie":   {[]string{c.dir}, []string{"TF_PLUGIN_MAGIC_COOKIE=x", pem}, "nothing to be started by hand"},
		"without a certificate": {[]string{c.dir}, []string{cookie}, "nothing to be started by hand"},
		"with a broken one":     {[]string{c.dir}, []string{cookie, pem}, "nothing to be started by hand"},
		"without a directory":   {nil, []string{cookie, pem}, "nothing to be started by hand"},
		"in another directory":  {[]string{foreign}, []string{cookie, pem}, foreign + " is no cloud of a demo"},
	} {
		var out, complaint bytes.Buffer
		if code := Main(s.args, s.environ, &out, &complaint); code != 1 || out.Len() > 0 || !strings.Contains(complaint.String(), s.says) {
			t.Errorf("%s: exit code %d, says %q and %q", name, code, out.String(), complaint.String())
		}
	}
	for _, dir := range []string{c.dir, foreign} {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 1 {
			t.Errorf("in %s there are now %v, %v", dir, left, err)
		}
	}
}

// TestIdentities are names of files: nothing else is one.
func TestIdentities(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{"i-0a1b": true, "i-": false, "vol-0a1b": false, "i-../../x": false, "i-0g": false, "": false, "0a1b": false} {
		if _, err := named(Node, object{identity: text(id)}); (err == nil) != want {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := named("cloud_cat", object{identity: text("0a")}); err == nil {
		t.Error("a type that there is not")
	}
}

func TestPacking(t *testing.T) {
	t.Parallel()
	for _, o := range []object{
		nil, {}, {"a": text("")}, {"a": {}, "b": {unknown: true}, "c": text(strings.Repeat("long", 100))},
	} {
		got, err := unpack(pack(o))
		if diff := cmp.Diff(o, got, cmp.AllowUnexported(value{})); diff != "" || err != nil {
			t.Errorf("%v: %v, (-want +got) %s", o, err, diff)
		}
	}
	// As terraform writes them: short maps and texts, and unknown values with what is known of them.
	for packed, want := range map[string]string{
		"\x82\xa1a\xa1b\xa1c\xc0":           "map[a:{b true false} c:{ false false}]",
		"\x81\xa1a\xd4\x00\x00":             "map[a:{ false true}]",
		"\x81\xa1a\xc7\x03\x0c\x81\x01\xc2": "map[a:{ false true}]",
		"\x81\xa1a\xd9\x01b":                "map[a:{b true false}]",
		"\x81\xa1a\x07":                     "a message that this cloud does not understand",
		"\x82\xa1a\xc0":                     "a message that this cloud does not understand",
		"\x81\xa1a\xda\xff\xff":             fmt.Sprint(object{"a": text(strings.Repeat("\x00", 0xffff))}),
		"\x91\xc0":                          "a message that this cloud does not understand",
	} {
		got, err := unpack([]byte(packed))
		if err != nil {
			want, got = strings.TrimSpace(want), nil
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, not %s", packed, err, want)
			}
			continue
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%q: %v, not %s", packed, got, want)
		}
	}
	for _, broken := range []string{"\x0a", "\x0a\x05a", "\x0b\x01", "\xff"} {
		if f, err := fields([]byte(broken)); err == nil {
			t.Errorf("%q: %v", broken, f)
		}
	}
}
