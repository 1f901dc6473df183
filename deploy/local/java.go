package local

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fetchKafka returns a Java that is new enough and the folder of the jars.
func fetchKafka(ctx context.Context, c Config) (java, libs string, err error) {
	if java, err = findJava(ctx); err != nil {
		return "", "", err
	}
	dir, err := c.fetch(ctx, packageSet{kafkaName, kafkaTitle(), copyJars})
	return java, filepath.Join(dir, "libs"), err
}

const howToGetJava = "install it (Debian: apt-get install default-jre-headless), or choose the broker kfake"

// findJava takes JAVA_HOME's Java, else the first on the PATH.
func findJava(ctx context.Context) (string, error) {
	const least = 17
	java, err := exec.LookPath("java")
	if home := os.Getenv("JAVA_HOME"); home != "" && exists(filepath.Join(home, "bin", "java")) {
		java, err = filepath.Join(home, "bin", "java"), nil
	}
	if err != nil {
		return "", fmt.Errorf("Apache Kafka needs Java %d or newer, and none was found: %s", least, howToGetJava)
	}
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("Apache Kafka needs Java, and %s does not run (%w): %s", java, err, howToGetJava)
	}
	if version := javaVersion(string(out)); version < least {
		return "", fmt.Errorf("Apache Kafka needs Java %d or newer, and %s is %d: %s", least, java, version, howToGetJava)
	}
	return java, nil
}

// javaVersion reads the major version out of `java -version`; 0 if there is none.
func javaVersion(text string) int {
	found := regexp.MustCompile(`version "(?:1\.)?(\d+)`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	major, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	return major
}

func copyJars(ctx context.Context, dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("Maven is needed once, to fetch Apache Kafka, and was not found: install it (Debian: apt-get install maven), or choose the broker kfake")
	}
	libs := filepath.Join(dir, "libs")
	if err := runTool(ctx, dir, mvn, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+libs); err != nil {
		return err
	}
	return checkJars(libs, filepath.Join(dir, "SHA256SUMS"))
}

// tamperedError never has kfake stand in: a person must look.
type tamperedError struct{ what string }

func (e tamperedError) Error() string {
	return e.what + ": what was fetched is not what was pinned, and is not used"
}

// checkJars compares the jars with the list: the same names, the same bytes.
func checkJars(libs, list string) error {
	want, err := readSums(list)
	if err != nil {
		return err
	}
	found, err := os.ReadDir(libs)
	if err != nil {
		return fmt.Errorf("read the jars: %w", err)
	}
	if missing := missingFrom(want, found); missing != "" {
		return tamperedError{missing + " is missing"}
	}
	for _, jar := range found {
		sum, err := fileSum(filepath.Join(libs, jar.Name()))
		if err != nil {
			return fmt.Errorf("check %s: %w", jar.Name(), err)
		}
		if sum != want[jar.Name()] {
			return tamperedError{fmt.Sprintf("%s has the SHA-256 %s, not the listed one", jar.Name(), sum)}
		}
	}
	return nil
}

func missingFrom(want map[string]string, found []fs.DirEntry) string {
	for name := range want {
		if !slices.ContainsFunc(found, func(e fs.DirEntry) bool { return e.Name() == name }) {
			return name
		}
	}
	return ""
}

// readSums reads lines as sha256sum writes them.
func readSums(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the list of digests: %w", err)
	}
	defer file.Close()
	sums := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if sum, name, ok := strings.Cut(lines.Text(), "  "); ok {
			sums[name] = sum
		}
	}
	return sums, nil
}

func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
