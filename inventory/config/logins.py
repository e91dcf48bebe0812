"""Finds the credentials and addresses of a source: from its keys, the environment, and its region."""

import os
from dataclasses import replace

from msgspec import UnsetType

from inventory.config.convert import Converter
from inventory.config.credentials import WAYS, Credentials, CredentialsError, Found, find_credentials, home_folder
from inventory.config.endpoints import REGIONS, check_address, drs_endpoint, iam_endpoint
from inventory.config.keys import Auth, SourceKeys, fields
from inventory.config.located import FOR_EXPORT, Faults, Located, Reading
from inventory.config.settings import Source
from inventory.config.values import nearest
from inventory.config.variables import PROJECTS, cloud_domain, drs_variable, not_read, regions_file

__all__ = ["Logins"]


class Logins(Converter):
    """Reads `auth` and addresses, and completes a source from the environment and its region."""

    def __init__(self, faults: Faults, reading: Reading) -> None:
        super().__init__(faults, None if reading.for_export else FOR_EXPORT)
        self.reading = reading
        self._found: Found | None = None  # credentials of the environment, searched once
        self._was_searched = False

    def completed(self, source: Source, entry: Located, keys: SourceKeys, *, alone: bool) -> Source:
        """Add the addresses of the region, and the credentials: the source's own, else the environment's.

        Args:
            entry: the source, merged with `defaults`.
            alone: whether it is the only source.
        """
        for_export, auth = self.reading.for_export, entry.value.get("auth")
        if "replay" in entry.value:
            return self._with_addresses(source, entry, check=False)
        if auth is not None:
            if for_export and keys.auth:
                source = replace(source, credentials=self._credentials(keys.auth, auth))
            if for_export and not self.reading.no_env:
                self._warn_unused(source)
        elif for_export and self.reading.no_env:
            self.faults.skip(entry, "the credentials, which are looked for where the export runs")
        elif for_export and (found := self._environment(entry)) is not None:
            source = replace(self._with_project(source, entry, found, alone=alone), credentials=found.credentials)
            if found.iam_endpoint and not source.iam_endpoint:
                self._check(entry, found.iam_origin, found.iam_endpoint, plain_http=source.plain_http)
                source = replace(source, iam_endpoint=found.iam_endpoint)
        return self._with_addresses(source, entry, check=for_export)

    def _with_project(self, source: Source, entry: Located, found: Found, *, alone: bool) -> Source:
        """Use the environment's project if it belongs to this source; if that is unclear, add a fault."""
        name, region = found.project_name or "", source.region
        if source.project_id or source.project_name or not (name or found.project_id):
            return source
        own = region is not None and (name == region or name.startswith(f"{region}_"))
        if own or found.region == region or (found.region is None and alone):
            return replace(source, project_id=found.project_id, project_name=found.project_name)
        if found.region is None:
            what = f"{found.project_origin} is set, but not for which source"
            self.faults.add(entry, f"{what}: give each source its project_id or project_name, or set HW_REGION_NAME")
        return source

    def _warn_unused(self, source: Source) -> None:
        """Warn about credentials and projects in the environment, which a source with `auth` does not use."""
        for warning in not_read(os.environ, other_login=True):
            self.faults.warn(warning)
        project = next((name for name in PROJECTS if os.environ.get(name)), None)
        if project and not (source.project_id or source.project_name):
            text = "is set, but not read for a source with auth, whose project is the region's: give project_name"
            self.faults.warn(f"{project} {text}, or project_id")

    def _with_addresses(self, source: Source, entry: Located, *, check: bool) -> Source:
        """Add the addresses of the region: from variables, else by the vendor's rule."""
        region = source.region
        if region is None or (source.endpoint and source.iam_endpoint):
            return source
        cloud, endpoint = None, source.endpoint
        try:
            cloud = cloud_domain(os.environ)
        except ValueError as error:
            self.faults.add(entry, str(error))
        if check and "endpoint" not in entry.value:
            endpoint = self._variable(source, entry, region)
            if endpoint is None and cloud is None and region not in REGIONS:
                text = "unknown region; one that is new needs endpoint too" + nearest(region, REGIONS)
                self.faults.add(entry, text)
        return replace(
            source,
            endpoint=endpoint or drs_endpoint(region, cloud),
            iam_endpoint=source.iam_endpoint or iam_endpoint(region, cloud),
        )

    def _variable(self, source: Source, entry: Located, region: str) -> str | None:
        """Return the address in the SDK's variable for the region, if it is set."""
        name = drs_variable(region)
        first, *more = os.environ.get(name, "").split(",")
        if not first:
            if warning := regions_file(os.environ, home_folder()):
                self.faults.warn(warning)
            return None
        if more:
            self.faults.warn(f"{name} has several addresses; only the first is used")
        url = first.strip() if "://" in first else f"https://{first.strip()}"
        self._check(entry, name, url, plain_http=source.plain_http)
        return url.rstrip("/")

    def _check(self, entry: Located, origin: str, url: str, *, plain_http: bool) -> None:
        why = check_address(url, plain_http=plain_http)
        if why:
            self.faults.add(entry, f"{origin}: {why}")

    def _environment(self, entry: Located) -> Found | None:
        if not self._was_searched:
            self._was_searched = True
            try:
                self._found = find_credentials(os.environ, home_folder())
            except CredentialsError as error:
                self.faults.add(entry, str(error))
                return None
            for warning in (*(self._found.warnings if self._found else ()), *not_read(os.environ, other_login=False)):
                self.faults.warn(warning)
        if self._found is None:
            names = "HW_ACCESS_KEY and HW_SECRET_KEY, HUAWEICLOUD_SDK_AK and _SK"
            self.faults.add(entry, f"a source needs auth, or {names}, or ~/.huaweicloud/credentials, or replay")
        return self._found

    def _credentials(self, auth: Auth, at: Located) -> Credentials | None:
        given = at.value.keys() & fields(Auth).keys()
        for kind, needed, more in WAYS:
            if needed <= given <= needed | more:
                found = {name: value for name in given if (value := getattr(auth, name))}
                return kind(**found) if needed <= found.keys() else None
        if given or not at.value:  # otherwise its unknown keys were reported
            self.faults.add(at, "a token, or access_key and secret_key, or username, password and domain are needed")
        return None

    def address(self, key: str, entry: Located, text: str | UnsetType, *, plain_http: bool) -> str | None:
        """Return an address of the service, or None; adds a fault of its key if it is not allowed."""
        if not text:
            return None
        if why := check_address(text, plain_http=plain_http):
            self.faults.add(entry.value[key], why)
        return text.rstrip("/")
