package planjson

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"
)

func TestConfiguration(t *testing.T) {
	digest := func(files ...string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "plan")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for i := 0; i < len(files); i += 2 {
			w, err := z.Create(files[i])
			if err == nil {
				_, err = w.Write([]byte(files[i+1]))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		sum, err := Configuration(path)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	base := digest("tfplan", "1", "tfconfig/m-/main.tf", "a", "tfconfig/m-net/main.tf", "b", "tfconfig/modules.json", `[{"Dir":"/runs/1"}]`)
	for name, c := range map[string]struct {
		files []string
		same  bool
	}{
		"another plan, elsewhere, in another order": {[]string{"tfconfig/m-net/main.tf", "b", "tfconfig/m-/main.tf", "a", "tfplan", "2", "tfconfig/modules.json", `[{"Dir":"/runs/2"}]`}, true},
		"another module":                  {[]string{"tfconfig/m-/main.tf", "a", "tfconfig/m-net/main.tf", "c"}, false},
		"one more file":                   {[]string{"tfconfig/m-/main.tf", "a", "tfconfig/m-/x.tf", "", "tfconfig/m-net/main.tf", "b"}, false},
		"the end of one file in the next": {[]string{"tfconfig/m-/main.tf", "", "tfconfig/m-net/main.tf", "ab"}, false},
	} {
		if got := digest(c.files...); (got == base) != c.same {
			t.Errorf("%s: %s, and %s before", name, got, base)
		}
	}
}
