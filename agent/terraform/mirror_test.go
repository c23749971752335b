package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/tftest"
	"sallyport/notify/redact"
)

// One line of configuration is enough, and terraform asks nobody else.
func TestProvidersOfAMirror(t *testing.T) {
	t.Parallel()
	need.Long(t, "it initialises many times with a real provider, one after the other")
	m, r := tftest.NewNetworkMirror(t), newRig(t)
	for name, o := range map[string]PlanOptions{
		"directory": {Mirror: tftest.ProviderMirror(t)},
		"network":   {Mirror: m.URL, Env: secrets(map[string]string{"SSL_CERT_FILE": m.CAFile})},
	} {
		with := r.options(main(fileConfig(r)))
		with.Mirror, with.Env, with.Stack, with.Cache = o.Mirror, o.Env, name, nil
		res := r.plan(with)
		if res.Plan.LockDigest == "" || res.Plan.Add != 1 {
			t.Errorf("%s: %+v", name, res.Plan)
		}
		r.apply(with, res) // the generated file is there as long as the plan is
		if err := os.Remove(filepath.Join(r.dir, "file")); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(r.State); err != nil {
			t.Fatal(err)
		}
	}
	if m.Downloads.Load() != 1 {
		t.Errorf("%d downloads", m.Downloads.Load())
	}
	strange := `/srv/"mirror" ${x} %{y}`
	if got := string(mirrorConfig(strange)); !strings.Contains(got, `path = "/srv/\"mirror\" $${x} %%{y}"`) {
		t.Errorf("a path that is not plain: %s", got)
	}
}

func TestOfflineSaysWhatIsKept(t *testing.T) {
	t.Parallel()
	m, r := tftest.NewNetworkMirror(t), newRig(t)
	if got, err := r.Cache.Offline("ghe"); got != nil || err != nil {
		t.Errorf("before the first plan: %+v, %v", got, err)
	}
	o := network(r.options(main(fileConfig(r))), m)
	r.plan(o)
	got, err := r.Cache.Offline("ghe")
	if err != nil || got.Commit != o.Commit || len(got.Missing) != 0 {
		t.Errorf("after it: %+v, %v", got, err)
	}
	if err := os.RemoveAll(r.Cache.providers()); err != nil {
		t.Fatal(err)
	}
	if got, err = r.Cache.Offline("ghe"); err != nil || len(got.Missing) != 1 || got.Missing[0] != "registry.terraform.io/hashicorp/local 1.4.0" {
		t.Errorf("without the package: %+v, %v", got, err)
	}
}

func TestAWSConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	role := AWS{RoleARN: "arn:aws:iam::123456789012:role/plan", ExternalID: redact.NewSecret("ext"), Region: "us-east-1", Session: SessionName("ghe", "12")}
	env, err := role.Write(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := env["AWS_CONFIG_FILE"].Reveal()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := `[default]
credential_process = cat ` + filepath.Join(dir, "aws.json") + `
region = us-east-1
`
	if string(text) != want {
		t.Errorf("got:\n%s", text)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode: %v, %v", info.Mode(), err)
	}
	if env["AWS_REGION"].Reveal() != "us-east-1" || env["AWS_SDK_LOAD_CONFIG"].Reveal() != "1" {
		t.Errorf("the environment: %v", env)
	}
	role.Region = "a\ncredential_process = other"
	if _, err := role.Write(dir, nil); err == nil {
		t.Error("a second line was written")
	}
}

// AWS takes 2 to 64 of these characters.
func TestSessionName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 40) + "-" + strings.Repeat("b", 23)
	for _, c := range []struct{ stack, run, want string }{
		{"ghe", "12", "sallyport-ghe-12"},
		{"services-wiki.prod_2", "7", "sallyport-services-wiki.prod_2-7"},
		{long, "1234567", "sallyport-" + long[:46] + "-1234567"},
		{strings.Repeat("a", 45) + "-" + "bcd", "1234567", "sallyport-" + strings.Repeat("a", 45) + "-1234567"},
	} {
		got := SessionName(c.stack, c.run)
		if got != c.want || len(got) > 64 {
			t.Errorf("SessionName(%s, %s) = %s (%d)", c.stack, c.run, got, len(got))
		}
	}
}
