package figures_test

import (
	"os"
	"strings"
	"testing"

	"sallyport/agent/config/figures"
	"sallyport/agent/need"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

// Nothing is served to other machines unless somebody says so, and no name decides where that is.
func TestAddress(t *testing.T) {
	for name, c := range map[string]struct {
		listen string
		remote bool
		want   string
		says   string // of the fault
	}{
		"loopback":                 {listen: "127.0.0.1:9746", want: "127.0.0.1:9746"},
		"another of loopback":      {listen: "127.8.9.1:80", want: "127.8.9.1:80"},
		"loopback of IPv6":         {listen: "[::1]:9746", want: "[::1]:9746"},
		"in another spelling":      {listen: "[0:0::1]:9746", want: "[::1]:9746"},
		"localhost is no name":     {listen: "LocalHost:9746", want: "127.0.0.1:9746"},
		"any port":                 {listen: "127.0.0.1:0", want: "127.0.0.1:0"},
		"every address":            {listen: "0.0.0.0:9746", says: "other machines reach"},
		"every address, unsaid":    {listen: ":9746", says: "other machines reach"},
		"every address of IPv6":    {listen: "[::]:9746", says: "other machines reach"},
		"a private one":            {listen: "10.0.0.7:9746", says: "other machines reach"},
		"loopback with a zone":     {listen: "[::1%eth0]:9746", says: "other machines reach"},
		"IPv4 in IPv6":             {listen: "[::ffff:10.0.0.7]:9746", says: "other machines reach"},
		"a name":                   {listen: "bastion:9746", says: "is a name"},
		"a name below localhost":   {listen: "a.localhost:9746", says: "is a name"},
		"a number that is no IP":   {listen: "2130706433:9746", says: "is a name"},
		"without a port":           {listen: "127.0.0.1", says: "has the form"},
		"a port by name":           {listen: "127.0.0.1:http", says: "number up to 65535"},
		"a port beyond":            {listen: "127.0.0.1:65536", says: "number up to 65535"},
		"a port with a sign":       {listen: "127.0.0.1:+80", says: "number up to 65535"},
		"nothing":                  {listen: "", says: "has the form"},
		"a socket":                 {listen: "/run/metrics.sock", says: "has the form"},
		"remote: every address":    {listen: "0.0.0.0:9746", remote: true, want: "0.0.0.0:9746"},
		"remote: unsaid":           {listen: ":9746", remote: true, want: ":9746"},
		"remote: one":              {listen: "[fe80::1%eth0]:9746", remote: true, want: "[fe80::1%eth0]:9746"},
		"remote: still no name":    {listen: "bastion:9746", remote: true, says: "is a name"},
		"remote: loopback as well": {listen: "localhost:1", remote: true, want: "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := figures.Address(c.listen, c.remote)
			if c.says == "" && (err != nil || got != c.want) {
				t.Errorf("it is %q, not %q: %v", got, c.want, err)
			}
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("it is taken as %q: %v", got, err)
			}
		})
	}
}
