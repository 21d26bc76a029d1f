"""nginx with our own configuration on this machine's loopback, and a certificate for it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.embedded.processes import spawn, wait_until

from .place import Place, hold

FOLDER = Path(__file__).resolve().parents[1] / "nginx"


def installed() -> str | None:
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")


def write_certificate(folder: Path) -> Path:
    """``fullchain.pem`` and ``privkey.pem`` for localhost, signed by itself; returns the first."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = folder / "privkey.pem"
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "fullchain.pem"


def configuration(place: Place) -> str:
    """The site's own files inside the frame that a distribution's nginx.conf is, with folders and ports of this place."""
    text = "".join((FOLDER / name).read_text(encoding="utf-8") for name in ("upstream-server.conf", "churnguard.conf"))
    lines = []
    for line in place.moved(text).splitlines():
        if "listen [::]" in line:
            continue  # the loopback here has one address
        line = line.replace("listen 80 ", f"listen 127.0.0.1:{place.http} ")
        line = line.replace("listen 443 ", f"listen 127.0.0.1:{place.https} ")
        line = line.replace("https://$host$request_uri", f"https://$host:{place.https}$request_uri")
        for said, here in place.ports.items():
            line = line.replace(f"127.0.0.1:{said}", f"127.0.0.1:{here}")
        lines.append(line.replace("/var/log/nginx", str(place.folder / "log")))
    folder = place.folder / "nginx"
    kept = "".join(
        f"  {name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    types = next((p for p in ("/etc/nginx/mime.types", "/usr/local/etc/nginx/mime.types") if Path(p).exists()), "")
    return (
        f"pid {folder}/nginx.pid;\nerror_log {place.folder}/log/nginx.log warn;\nworker_processes 1;\n"
        "events { worker_connections 512; }\n"
        + (f"http {{\n  include {types};\n" if types else "http {\n")
        + f"  default_type application/octet-stream;\n{kept}"
        + "\n".join(lines)
        + "\n}\n"
    )


def start(place: Place, nginx: str) -> Path:
    """Run it; returns the certificate that a visitor must believe."""
    certificate = write_certificate(place.etc / "tls")
    folder = place.folder / "nginx"
    folder.mkdir()
    (place.folder / "log").mkdir(exist_ok=True)
    # Its workers go by another name where it was started by root, and walk to the static files.
    for path in (place.folder, place.static):
        path.chmod(0o755)
    file = folder / "nginx.conf"
    file.write_text(configuration(place), encoding="utf-8")
    command = [nginx, "-p", str(folder), "-c", str(file), "-e", str(place.folder / "log" / "nginx.log")]
    tried = subprocess.run([*command, "-t", "-q"], capture_output=True, text=True, timeout=30, check=False)
    hold(tried.returncode == 0, f"nginx refuses churnguard.conf: {tried.stderr.strip()[-400:]}")
    log = place.folder / "log" / "nginx.out"
    process = spawn([*command, "-g", "daemon off;"], log=log, death_signal=signal.SIGQUIT)
    place.running["nginx"] = process
    wait_until(lambda: _listens(place.https), process, name="nginx", log=log)
    return certificate


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
