package cliconfig

import (
	"strings"
	"testing"
)

// What a pull request's plan gets of terraform's own configuration leads to providers, and holds no token.
func TestCredentialsAreTakenOut(t *testing.T) {
	const rest = "provider_installation {\n  direct {}\n}\n"
	for name, c := range map[string]struct{ text, fails string }{
		"none":             {text: rest},
		"of a host":        {text: "credentials \"app.terraform.io\" {\n  token = \"hidden\"\n}\n" + rest},
		"of two":           {text: "credentials \"a.io\" {\n  token = \"hidden\"\n}\n" + rest + "Credentials \"b.io\" {\n  token = \"hidden\"\n}\n"},
		"as an attribute":  {text: "credentials = {\n  \"a.io\" = { token = \"hidden\" }\n}\n" + rest},
		"a helper":         {text: "credentials_helper \"x\" {\n  args = [\"--key\", \"hidden\"]\n}\n" + rest},
		"of OpenTofu":      {text: "oci_credentials \"registry.example.com/mirror\" {\n  username = \"me\"\n  password = \"hidden\"\n}\n" + rest},
		"of a later tool":  {text: "secret_vault = \"hidden\"\n" + rest},
		"cannot be parsed": {text: "\"credentials\" \"a.io\" { token = \"hidden\" }\n" + rest, fails: "cannot be told from the rest"},
	} {
		got, err := WithoutCredentials([]byte(c.text))
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || strings.Contains(string(got), "hidden") || !strings.Contains(string(got), rest) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
