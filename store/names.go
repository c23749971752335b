package store

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// MaxFileName is the longest that [FileName] makes of a name, in bytes. Names were never longer before, so what lies in a
// data directory under the name of a stack is found under it still.
const MaxFileName = 64

// digestLength is that of the digest in a short name, in bytes: 130 bits. Whoever names directories in a repository could
// find two names with the same shorter one, and so give one stack the state of another.
const digestLength = 26

// FileName is the name of a stack for directories: the name itself, or [ShortName] of a long one. What begins or ends with
// something else (".drift-", ".tmp") still fits where a file system takes 143 bytes.
func FileName(name string) string { return ShortName(name, MaxFileName) }

// ShortName is a name in at most limit bytes, which are 64 or more: the name itself if it is no longer, else its
// beginning and its end with a digest of the whole between them. A digest stands between plus signs, which no name of a
// stack holds: no other stack is called so.
func ShortName(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	room := limit - digestLength - 2
	head := room / 3 // directories of one repository begin alike, and differ at the end
	return strings.ToValidUTF8(name[:head], "") + "+" + NameDigest(name) + "+" + strings.ToValidUTF8(name[len(name)-(room-head):], "")
}

// NameDigest stands for a name where the name cannot: 26 lower-case letters and digits.
func NameDigest(name string) string {
	sum := sha256.Sum256([]byte(name))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:digestLength])
}
