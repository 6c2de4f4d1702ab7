"""What `doctor` says of a kit, and certificates by which there is something to say."""

from protocols.identity import certificates
from protocols.kit import doctor


def replace_certificate(kit, *, name="st-anne", foreign=False, days=90.0, now=None):
    """Give a kit another certificate than its own."""
    folder = kit.folder.parents[0] / "authority"
    authority = certificates.new_authority("other")
    certificates.write_authority(folder, authority)
    issued = authority.issue(name, days=days, now=now)
    (kit.credentials / "certificate.pem").write_bytes(issued.certificate)
    (kit.credentials / "private.key").write_bytes(issued.private_key)
    if not foreign:
        (kit.credentials / "authority.pem").write_bytes(issued.authority)


def examined(kit, **given):
    lines = doctor.examine(kit, **{"peers": False, "environment": {}} | given)
    assert not any("\n" in line for line in lines)
    return lines
