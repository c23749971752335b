package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/cliconfig"
	"sallyport/agent/terraform/tftest"
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
	if got := string(cliconfig.Mirror(strange)); !strings.Contains(got, `path = "/srv/\"mirror\" $${x} %%{y}"`) {
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
	if err := os.RemoveAll(r.providers()); err != nil {
		t.Fatal(err)
	}
	if got, err = r.Cache.Offline("ghe"); err != nil || len(got.Missing) != 1 || got.Missing[0] != "registry.terraform.io/hashicorp/local 1.4.0" {
		t.Errorf("without the package: %+v, %v", got, err)
	}
}
