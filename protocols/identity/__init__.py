"""Who is who: keys, certificates, enrolment, trust."""
