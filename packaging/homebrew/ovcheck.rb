# The release workflow fills in what stands between @ signs (packaging/fill).
class Ovcheck < Formula
  desc "Network diagnostics and compliance checker for OpenVidu deployments"
  homepage "https://github.com/@REPOSITORY@"
  version "@VERSION@"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/ovcheck-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256 ovcheck-aarch64-apple-darwin.tar.gz@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/ovcheck-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256 ovcheck-x86_64-apple-darwin.tar.gz@"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/ovcheck-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 ovcheck-aarch64-unknown-linux-musl.tar.gz@"
    end
    on_intel do
      url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/ovcheck-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@SHA256 ovcheck-x86_64-unknown-linux-musl.tar.gz@"
    end
  end

  def install
    bin.install "ovcheck"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/ovcheck.bash" => "ovcheck"
    zsh_completion.install "completions/_ovcheck"
    fish_completion.install "completions/ovcheck.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/ovcheck --version")
    system bin/"ovcheck", "explain", "tls/certificate-valid"
  end
end
