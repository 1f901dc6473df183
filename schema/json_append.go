package schema

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// Writing goes the short way: the fields and their order are fixed, so the names
// are written as they are, and only strings need care.

// appendString writes a JSON string. Most have nothing to escape.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if b := s[i]; b < ' ' || b == '"' || b == '\\' || b >= utf8.RuneSelf {
			return append(appendEscaped(append(dst, s[:i]...), s[i:]), '"')
		}
	}
	return append(append(dst, s...), '"')
}

// appendEscaped writes text that may need escapes. Bytes that are not UTF-8
// become the replacement character, so that what is written can be read.
func appendEscaped(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xf])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
