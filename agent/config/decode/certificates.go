package decode

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// CheckCertificates checks that a file holds certificates in PEM form.
func CheckCertificates(l *Reader, a Attributes, name, path string) {
	data, err := l.TrustFile(path)
	if err != nil {
		l.Fault(a.At(name), "Unusable file", "%s: %s.", name, err)
		return
	}
	found := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			l.Fault(a.At(name), "Unusable file", "%s: %s holds a %s; only certificates belong there.", name, path, strings.ToLower(block.Type))
			return
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			l.Fault(a.At(name), "Unusable file", "%s: certificate %d of %s cannot be read.", name, found+1, path)
			return
		}
		found++
	}
	if found == 0 {
		l.Fault(a.At(name), "Unusable file", "%s: %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).", name, path)
	}
}
